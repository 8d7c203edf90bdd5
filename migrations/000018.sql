-- Usage of a project by key and day, in UTC. '' is no key: what is not known by key. Changes are appended in the transaction that
-- stores what they count, so that writers do not wait for each other; the worker sums them up.
create table usage_days (
  project_id text collate "C" not null,
  key_id text collate "C" not null default '',
  day date not null,
  requests bigint not null default 0,
  runs bigint not null default 0,
  prompt_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  completion_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  sandbox_ms bigint not null default 0,
  -- at the end of the day, of the project
  stored_bytes bigint,
  primary key (project_id, day, key_id)
);
create table usage_changes (
  project_id text collate "C" not null,
  key_id text collate "C" not null,
  day date not null default (clock_timestamp() at time zone 'utc')::date,
  requests bigint not null default 0,
  runs bigint not null default 0,
  prompt_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  completion_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  sandbox_ms bigint not null default 0
);
create index usage_changes_by_project on usage_changes (project_id);
select wall_off('usage_days'), wall_off('usage_changes');
