-- What batches and projects spend, and the budgets of batches.

-- tokens, usd, on_exceeded: those that were set
alter table batches add column budget jsonb not null default '{}';
alter table batches add column prompt_tokens bigint not null default 0;
alter table batches add column cached_tokens bigint not null default 0;
alter table batches add column completion_tokens bigint not null default 0;
alter table batches add column reasoning_tokens bigint not null default 0;
-- in US dollars, by the prices of the time
alter table batches add column cost numeric not null default 0;
alter table batches drop column usage;

-- Spent since the batch was last summed up: turns that end at the same time do not wait for one row.
create table batch_spend (
  batch_id text collate "C" not null,
  project_id text collate "C" not null default current_project(),
  prompt_tokens bigint not null,
  cached_tokens bigint not null,
  completion_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost numeric not null
);
create index batch_spend_by_batch on batch_spend (batch_id);
select wall_off('batch_spend');

alter table usage_changes add column cost numeric not null default 0;
alter table usage_days add column cost numeric not null default 0;
alter table model_usage add column cost numeric not null default 0;
