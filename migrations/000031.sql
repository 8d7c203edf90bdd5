-- Batches that this server makes at model servers. One key of a model server serves all projects, so a batch there holds turns
-- of several, and its row has no content of any.
create table upstream_batches (
  -- Names it at the model server too, in the metadata and as the name of the file.
  id text collate "C" primary key default gen_random_uuid(),
  model text not null,
  file_id text,
  -- When its creation was first asked for: what became of that is looked up before it is asked for again.
  tried_at timestamptz,
  upstream_id text,
  polls integer not null default 0,
  next_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp()
);
create index upstream_batches_by_model on upstream_batches (model, next_at);

-- Turns that are answered that way. pending: for the next batch; sent: in a batch; answered: `answer` is to be written; direct:
-- asked as any other turn.
create table upstream_turns (
  -- Of the run, or of the line that has no run.
  workflow_id text collate "C" not null,
  turn integer not null,
  project_id text collate "C" not null default current_project(),
  batch_id text collate "C" not null references batches on delete cascade,
  run_id text collate "C" references runs on delete cascade,
  model text not null,
  state text not null default 'pending' check (state in ('pending', 'sent', 'answered', 'direct')),
  -- As it is in the input file, until it is answered.
  line text,
  bytes integer not null,
  answer json,
  upstream_batch_id text collate "C" references upstream_batches on delete set null,
  waits_from timestamptz not null default clock_timestamp(),
  primary key (workflow_id, turn)
);
create index upstream_turns_pending on upstream_turns (model, waits_from) where state = 'pending';
create index upstream_turns_by_upstream_batch on upstream_turns (upstream_batch_id, workflow_id, turn);
create index upstream_turns_by_run on upstream_turns (run_id);
create index upstream_turns_by_batch on upstream_turns (batch_id);

select wall_off('upstream_turns');

alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest', 'batch', 'line', 'wake', 'resume', 'schedule', 'next', 'answered', 'upstream'));
