-- What a project or a key may use, as wire/project-limits.ts: only the limits that were set.
alter table projects add column limits jsonb not null default '{}';
alter table api_keys add column limits jsonb not null default '{}';

-- Unlogged: after a crash of the database server all buckets are full and all slots are free.
create unlogged table rate_buckets (
  project_id text collate "C" not null,
  -- the project, or one of its keys
  owner text collate "C" not null,
  kind text collate "C" not null check (kind in ('requests', 'tokens')),
  per_minute double precision not null,
  full_at timestamptz not null,
  primary key (owner, kind)
);
create unlogged table limit_slots (
  project_id text collate "C" not null,
  owner text collate "C" not null,
  kind text collate "C" not null,
  n integer not null,
  holder text collate "C" not null,
  until timestamptz not null,
  primary key (owner, kind, n)
);
create index limit_slots_by_holder on limit_slots (holder);

-- The key that created the run. Null: it was created by an earlier version.
alter table runs add column key_id text collate "C";
create index runs_active_by_project on runs (project_id)
  where status in ('queued', 'in_progress', 'requires_action', 'cancelling');
