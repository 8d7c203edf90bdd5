-- Turns of runs and lines that wait: for their batch to be resumed, or for their model.

-- Lines that run at once while a model server is overloaded. Null: as many as was asked for.
alter table batches add column narrowed_to integer check (narrowed_to > 0);
alter table batches add column narrowed_at timestamptz;
alter table batches add column widened_at timestamptz;

-- The next turn of the line waits until its batch is resumed.
alter table batch_lines add column held boolean not null default false;
create index batch_lines_held on batch_lines (batch_id) where held;

-- How often a turn was put off without a fault, and when it was last.
alter table runs add column holds integer not null default 0;
alter table runs add column held_at timestamptz;

alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest', 'batch', 'line', 'wake', 'resume'));

-- Times of each model that all projects and processes share (db/projects/model-rates.ts). Unlogged: after a crash of the
-- database server no model has been asked yet.
create unlogged table model_rates (
  model text collate "C" primary key,
  -- when the buckets are full again
  requests_at timestamptz not null default '-infinity',
  tokens_at timestamptz not null default '-infinity',
  -- when the next turn that joins a queue may ask: those of batches, and those of other runs
  batches_at timestamptz not null default '-infinity',
  others_at timestamptz not null default '-infinity',
  -- until then batches leave the model server alone, as it asked
  blocked_until timestamptz not null default '-infinity'
);
