-- A key that was rotated ends at the end of the overlap and is not rotated again.
alter table api_keys add column rotated_at bigint;

-- Who changed what: ids and names of actions, never content. Rows outlive the objects and projects that they name.
create table audit_events (
  id text collate "C" primary key,
  effective_at bigint not null,
  -- the id of an API key, or 'cli:' and the user of the operating system
  actor text collate "C" not null,
  project_id text collate "C" not null,
  type text collate "C" not null,
  resource_id text collate "C" not null
);
create index on audit_events (project_id, id);
create index on audit_events (resource_id, id);
