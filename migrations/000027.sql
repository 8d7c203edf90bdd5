-- Schedules of batches. Temporal fires them; a row holds what was asked for.
create table schedules (
  id text collate "C" primary key,
  project_id text collate "C" not null default current_project() references projects,
  -- that made or changed it last: its batches are the key's
  key_id text collate "C" not null,
  created_at bigint not null,
  settings jsonb not null,
  -- as it was asked for, or as Temporal was last seen to have it
  paused boolean not null,
  -- Temporal has not been told of the pause or its end yet
  pause_pending boolean not null default false,
  -- grows with each change, so that Temporal ends with the last
  version integer not null default 1,
  -- when Temporal was last seen to have it
  checked_at timestamptz not null default clock_timestamp(),
  last_batch_id text collate "C",
  last_firing jsonb
);
create index schedules_by_project on schedules (project_id, id);
create index schedules_by_check on schedules (checked_at);
select wall_off('schedules');

-- Workflow of the schedule that the batch is from: repeated, it makes no second one.
alter table batches add column firing text collate "C";
create unique index batches_by_firing on batches (firing) where firing is not null;

alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest', 'batch', 'line', 'wake', 'resume', 'schedule'));
