-- What passed through to model servers: /v1/chat/completions and its like. Runs have their own usage.

create table model_usage (
  project_id text collate "C" not null references projects,
  -- in UTC
  day date not null,
  -- as the request named it; empty: it named none
  model text collate "C" not null,
  endpoint text collate "C" not null,
  requests bigint not null,
  -- those of them whose tokens are counted here, because the server did not report them
  estimated bigint not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  total_tokens bigint not null,
  primary key (project_id, day, model, endpoint)
);

-- Which project may use a response that a model server keeps, and which model's server has it.
create table passed_responses (
  id text collate "C" not null,
  project_id text collate "C" not null references projects,
  model text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (project_id, id)
);
create index passed_responses_by_age on passed_responses (created_at);
