-- Batches: the lines of a file of requests, each an ordinary thread and run.

create table batches (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  -- that created it: its runs are the key's too
  key_id text collate "C" not null,
  created_at bigint not null,
  endpoint text not null,
  input_file_id text collate "C" not null,
  -- Content of the input file, kept until the batch has ended: lines are read from it by their place.
  input_blob_id bigint references blobs,
  completion_window text not null,
  metadata jsonb not null,
  -- of the files that it makes, in seconds
  output_expires_after bigint,
  status text not null check (status in ('validating', 'failed', 'in_progress', 'finalizing', 'completed',
    'expired', 'cancelling', 'cancelled')),
  -- what ends it before its lines do
  ending text check (ending in ('expired', 'cancelled')),
  expires_at bigint not null,
  in_progress_at bigint,
  finalizing_at bigint,
  completed_at bigint,
  failed_at bigint,
  expired_at bigint,
  cancelling_at bigint,
  cancelled_at bigint,
  -- the first problems of the input file
  errors jsonb not null default '[]',
  output_file_id text collate "C",
  error_file_id text collate "C",
  -- how far the input file was read
  checked_chunk integer not null default 0,
  checked_offset integer not null default 0,
  checked_lines integer not null default 0,
  total integer not null default 0,
  -- stored with the end: while lines run they are counted
  completed integer,
  failed integer,
  usage jsonb,
  -- most lines that run at once
  running_limit integer not null,
  priority integer not null,
  paused boolean not null,
  on_requires_action text not null check (on_requires_action in ('wait', 'fail')),
  updated_at timestamptz not null default clock_timestamp()
);
create index batches_by_project on batches (project_id, id);
create index batches_by_blob on batches (input_blob_id) where input_blob_id is not null;
create index batches_active on batches (updated_at)
  where status in ('validating', 'in_progress', 'finalizing', 'cancelling');

alter table runs add column batch_id text collate "C";
create index runs_waiting_by_batch on runs (batch_id, id) where batch_id is not null and status = 'requires_action';

create table batch_lines (
  batch_id text collate "C" not null references batches on delete cascade,
  -- from 1, as a text editor counts them
  line integer not null,
  project_id text collate "C" not null,
  custom_id text collate "C" not null,
  url text not null,
  -- its place in the input file
  chunk integer not null,
  "offset" integer not null,
  bytes integer not null,
  state text not null default 'pending'
    check (state in ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'expired')),
  -- named by the url, or made for the run
  thread_id text collate "C",
  run_id text collate "C" references runs on delete set null,
  -- a line whose thread was busy is tried again then
  retry_at timestamptz,
  -- status_code and body, of a line that has no run
  response json,
  primary key (batch_id, line),
  unique (batch_id, custom_id)
);
create unique index batch_lines_by_run on batch_lines (run_id) where run_id is not null;
create index batch_lines_by_state on batch_lines (batch_id, state, line);
create index batch_lines_by_thread on batch_lines (batch_id, thread_id, line) where thread_id is not null;

alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest', 'batch', 'line', 'wake'));
