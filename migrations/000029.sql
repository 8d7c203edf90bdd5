-- outside a transaction
-- One run of a thread is active; any number wait.
drop index concurrently if exists runs_one_at_once_per_thread;
create unique index concurrently runs_one_at_once_per_thread on runs (thread_id)
  where status in ('queued', 'in_progress', 'requires_action', 'cancelling') and not waiting;
drop index concurrently if exists runs_one_active_per_thread;
