-- Every object belongs to a project; ids sort by time (bytewise), so a list by id is a list by age.
-- Times are unix seconds, as on the wire. json (not jsonb) where the stored text is sent as it is.

create function unix_now() returns bigint language sql volatile
  as $$ select floor(extract(epoch from clock_timestamp()))::bigint $$;

create table projects (
  id text collate "C" primary key,
  name text not null unique,
  created_at bigint not null
);

create table api_keys (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  name text not null,
  -- sha-256: the keys carry 256 random bits, so nothing slower is needed
  key_hash bytea not null unique,
  hint text not null,
  created_at bigint not null,
  revoked_at bigint
);

create table assistants (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  created_at bigint not null,
  name text,
  description text,
  model text not null,
  instructions text,
  tools jsonb not null,
  tool_resources jsonb not null,
  metadata jsonb not null,
  temperature double precision not null,
  top_p double precision not null,
  response_format jsonb not null,
  reasoning_effort text
);
create index assistants_by_project on assistants (project_id, id);

create table threads (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  created_at bigint not null,
  metadata jsonb not null,
  tool_resources jsonb not null,
  -- both are advanced while the row is locked
  last_message_seq integer not null default 0,
  total_tokens bigint not null default 0
);

create table messages (
  id text collate "C" primary key,
  thread_id text collate "C" not null references threads on delete cascade,
  project_id text collate "C" not null,
  seq integer not null,
  created_at bigint not null,
  role text not null check (role in ('user', 'assistant')),
  status text not null check (status in ('in_progress', 'incomplete', 'completed')),
  incomplete_reason text,
  completed_at bigint,
  incomplete_at bigint,
  content jsonb not null,
  attachments jsonb not null,
  metadata jsonb not null,
  assistant_id text,
  run_id text,
  tokens integer not null default 0,
  -- tokens of all earlier messages: the start of a context window is one index lookup
  tokens_before bigint not null,
  unique (thread_id, seq)
);
create index messages_by_tokens on messages (thread_id, tokens_before, seq);
create index messages_by_run on messages (run_id, seq) where run_id is not null;

create table runs (
  id text collate "C" primary key,
  thread_id text collate "C" not null references threads on delete cascade,
  project_id text collate "C" not null,
  assistant_id text not null,
  status text not null check (status in ('queued', 'in_progress', 'requires_action', 'cancelling',
    'cancelled', 'failed', 'completed', 'incomplete', 'expired')),
  created_at bigint not null,
  expires_at bigint not null,
  started_at bigint,
  cancelled_at bigint,
  failed_at bigint,
  completed_at bigint,
  required_action jsonb,
  last_error jsonb,
  incomplete_reason text,
  model text not null,
  instructions text,
  tools jsonb not null,
  tool_resources jsonb not null,
  metadata jsonb not null,
  temperature double precision not null,
  top_p double precision not null,
  reasoning_effort text,
  max_prompt_tokens integer,
  max_completion_tokens integer,
  truncation_strategy jsonb not null,
  response_format jsonb not null,
  tool_choice jsonb not null,
  parallel_tool_calls boolean not null,
  prompt_tokens integer not null default 0,
  cached_tokens integer not null default 0,
  completion_tokens integer not null default 0,
  reasoning_tokens integer not null default 0,
  -- the thread's newest message when the run was created
  window_end_seq integer not null,
  -- the attempt that may write this run's events while it is in_progress
  owner text,
  -- events up to here are committed together with the row; deltas may be ahead while in_progress
  last_event_seq integer not null default 0,
  updated_at timestamptz not null default clock_timestamp()
);
create unique index runs_one_active_per_thread on runs (thread_id)
  where status in ('queued', 'in_progress', 'requires_action', 'cancelling');
create index runs_by_thread on runs (thread_id, id);
create index runs_active on runs (id)
  where status in ('queued', 'in_progress', 'requires_action', 'cancelling');

-- What a finished model turn decided: a repeated activity returns it instead of calling the model again.
create table run_turns (
  run_id text collate "C" not null references runs on delete cascade,
  turn integer not null,
  result jsonb not null,
  primary key (run_id, turn)
);

create table run_steps (
  id text collate "C" primary key,
  run_id text collate "C" not null references runs on delete cascade,
  project_id text collate "C" not null,
  thread_id text collate "C" not null,
  assistant_id text not null,
  turn integer not null,
  -- seq of the step's first event: orders the steps of a run
  seq integer not null,
  type text not null check (type in ('message_creation', 'tool_calls')),
  status text not null check (status in ('in_progress', 'completed', 'failed', 'cancelled', 'expired')),
  message_id text collate "C" references messages on delete set null,
  created_at bigint not null,
  completed_at bigint,
  failed_at bigint,
  cancelled_at bigint,
  expired_at bigint,
  last_error jsonb,
  usage jsonb,
  unique (run_id, seq)
);

create table tool_calls (
  step_id text collate "C" not null references run_steps on delete cascade,
  run_id text collate "C" not null,
  index integer not null,
  id text collate "C" not null,
  type text not null check (type in ('function', 'code_interpreter', 'file_search')),
  name text not null,
  -- function: the arguments' JSON text; code_interpreter: the code
  input text not null,
  -- null until it ended; function: {"output": text}, code_interpreter: {"outputs": [...]}
  result jsonb,
  primary key (step_id, index),
  unique (run_id, id)
);

-- The stream of a run. The day comes from the time in the run id, so that whole days can be dropped.
create table run_events (
  run_day date not null,
  run_id text collate "C" not null,
  seq integer not null,
  event text not null,
  data json not null,
  primary key (run_day, run_id, seq)
) partition by range (run_day);
create table run_events_default partition of run_events default;

-- Starts, signals and cancels that are committed but not yet accepted by Temporal, in order per run.
create table deliveries (
  id bigint generated always as identity primary key,
  run_id text collate "C" not null,
  kind text not null check (kind in ('start', 'signal', 'cancel')),
  payload jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp() + interval '2 seconds'
);
create index deliveries_by_run on deliveries (run_id, id);
create index deliveries_due on deliveries (next_attempt_at);

create table idempotency_keys (
  project_id text collate "C" not null references projects,
  key text not null,
  request_hash bytea not null,
  response json,
  created_at timestamptz not null default clock_timestamp(),
  primary key (project_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
