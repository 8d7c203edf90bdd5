-- Runs that wait until the active run of their thread has ended.
alter table runs
  -- It is queued behind an earlier run of its thread and has no workflow yet.
  add column waiting boolean not null default false,
  -- of its request, until it starts
  add column additional_messages jsonb;

alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest', 'batch', 'line', 'wake', 'resume', 'schedule', 'next'));

-- Commits with the end of the run. A statement of its own sees runs that were accepted while the end waited for its row.
create function start_next_run() returns trigger language plpgsql as $$ begin
  insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
    select new.project_id, new.thread_id, 'next',
      jsonb_build_object('kind', 'next', 'projectId', new.project_id, 'threadId', new.thread_id), clock_timestamp()
    where exists (select from runs where thread_id = new.thread_id and waiting and status = 'queued');
  return null;
end $$;
create trigger next_run after update of status on runs for each row
  when (not old.waiting and old.status in ('queued', 'in_progress', 'requires_action', 'cancelling')
    and new.status not in ('queued', 'in_progress', 'requires_action', 'cancelling'))
  execute function start_next_run();
