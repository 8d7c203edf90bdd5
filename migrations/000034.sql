-- Webhooks: events of a project, delivered to servers of its users.
create table webhook_endpoints (
  id text collate "C" primary key,
  project_id text collate "C" not null default current_project() references projects,
  created_at bigint not null,
  updated_at bigint not null,
  name text not null,
  url text not null,
  event_types text[] not null,
  -- Signatures need the secrets themselves.
  secret text not null,
  -- of the time before the last rotation; also signs until then
  old_secret text,
  old_secret_until bigint,
  -- Null: it gets events.
  disabled_at bigint
);
create index webhook_endpoints_by_project on webhook_endpoints (project_id, id);
select wall_off('webhook_endpoints');

-- One event on its way to one endpoint.
create table webhook_deliveries (
  seq bigint generated always as identity primary key,
  id text collate "C" not null unique default 'whd_' || replace(gen_random_uuid()::text, '-', ''),
  project_id text collate "C" not null default current_project(),
  endpoint_id text collate "C" not null references webhook_endpoints on delete cascade,
  -- the same for all endpoints
  event_id text collate "C" not null,
  type text not null,
  -- ids only
  data jsonb not null,
  created_at bigint not null default unix_now(),
  status text not null default 'pending' check (status in ('pending', 'succeeded', 'dead')),
  -- grows with each replay; names its workflow
  round integer not null default 1,
  round_began_at timestamptz not null default clock_timestamp(),
  -- of the round
  attempts integer not null default 0,
  next_at timestamptz not null default clock_timestamp(),
  last_attempt_at bigint,
  last_status_code integer,
  -- why there was no answer, or why it is given up
  last_error text
);
create index webhook_deliveries_by_project on webhook_deliveries (project_id, status, seq);
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint_id, seq);
create index webhook_deliveries_pending on webhook_deliveries (next_at) where status = 'pending';
create index webhook_deliveries_by_age on webhook_deliveries (created_at) where status <> 'pending';
select wall_off('webhook_deliveries');

alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest', 'batch', 'line', 'wake', 'resume', 'schedule', 'next', 'answered', 'upstream', 'webhook'));

-- A delivery for each endpoint that wants the event, and its start. Without one it costs a look into an index. Commits with
-- the change that it is about, whoever makes the change.
create function emit_event(of_project text, event_type text, event_data jsonb) returns void language plpgsql as $$ begin
  with event as materialized (select 'evt_' || replace(gen_random_uuid()::text, '-', '') as id),
    made as (
      insert into webhook_deliveries (project_id, endpoint_id, event_id, type, data)
      select e.project_id, e.id, event.id, event_type, event_data from webhook_endpoints e cross join event
      where e.project_id = of_project and event_type = any(e.event_types) and e.disabled_at is null
      returning id, project_id, round)
  insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
    select project_id, id || '-' || round, 'webhook',
      jsonb_build_object('kind', 'webhook', 'projectId', project_id, 'deliveryId', id, 'round', round), clock_timestamp()
    from made;
end $$;

create function emit_run_event() returns trigger language plpgsql as $$ begin
  perform emit_event(new.project_id, 'thread.run.' || new.status,
    jsonb_build_object('id', new.id, 'thread_id', new.thread_id, 'assistant_id', new.assistant_id));
  return null;
end $$;
create trigger run_event after update of status on runs for each row
  when (old.status <> new.status and new.status in ('requires_action', 'completed', 'failed', 'cancelled', 'expired', 'incomplete'))
  execute function emit_run_event();

create function emit_batch_event() returns trigger language plpgsql as $$ begin
  perform emit_event(new.project_id, 'batch.' || new.status, jsonb_build_object('id', new.id));
  return null;
end $$;
create trigger batch_event after update of status on batches for each row
  when (old.status <> new.status and new.status in ('completed', 'failed', 'cancelled', 'expired'))
  execute function emit_batch_event();

create function emit_file_event() returns trigger language plpgsql as $$ begin
  if tg_op = 'INSERT' then
    perform emit_event(new.project_id, 'file.processed', jsonb_build_object('id', new.id));
  else
    perform emit_event(old.project_id, 'file.deleted', jsonb_build_object('id', old.id));
  end if;
  return null;
end $$;
create trigger file_event after insert or delete on files for each row execute function emit_file_event();

alter table vector_store_file_batches
  -- its event was written
  add column announced boolean not null default false;

-- The lock on the batch puts its files in order: the transaction that ends the last one sees all others.
create function emit_store_file_event() returns trigger language plpgsql as $$
declare counts record;
begin
  perform emit_event(new.project_id, 'vector_store.file.' || new.status,
    jsonb_build_object('id', new.file_id, 'vector_store_id', new.vector_store_id));
  if new.batch_id is null or not exists (
    select from webhook_endpoints where project_id = new.project_id and disabled_at is null and event_types && array[
      'vector_store.files_batch.completed', 'vector_store.files_batch.failed', 'vector_store.files_batch.cancelled'])
  then return null; end if;
  perform from vector_store_file_batches where id = new.batch_id and not announced for update;
  if not found then return null; end if;
  select count(*) filter (where status = 'in_progress') as open, count(*) filter (where status <> 'failed') as good,
    bool_or(status = 'cancelled') as cancelled into counts from vector_store_files where batch_id = new.batch_id;
  if counts.open > 0 then return null; end if;
  update vector_store_file_batches set announced = true where id = new.batch_id;
  perform emit_event(new.project_id, 'vector_store.files_batch.' ||
      case when counts.cancelled then 'cancelled' when counts.good = 0 then 'failed' else 'completed' end,
    jsonb_build_object('id', new.batch_id, 'vector_store_id', new.vector_store_id));
  return null;
end $$;
create trigger store_file_event after update of status on vector_store_files for each row
  when (old.status = 'in_progress' and new.status <> 'in_progress') execute function emit_store_file_event();
