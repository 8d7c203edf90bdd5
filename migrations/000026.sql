-- outside a transaction
-- Indexes for lists of all runs of a project, and rows for what was stored before: nobody waits while they are made.
drop index concurrently if exists runs_by_project;
create index concurrently runs_by_project on runs (project_id, id);
drop index concurrently if exists runs_by_status;
create index concurrently runs_by_status on runs (project_id, status, id);
drop index concurrently if exists runs_by_assistant;
create index concurrently runs_by_assistant on runs (project_id, assistant_id, id);
drop index concurrently if exists runs_by_model;
create index concurrently runs_by_model on runs (project_id, model, id);
drop index concurrently if exists runs_by_batch;
create index concurrently runs_by_batch on runs (batch_id, id) where batch_id is not null;
insert into metadata_pairs (project_id, list, pair, id)
  select t.project_id, 'threads', metadata_pair(key, value), t.id from threads t, jsonb_each_text(t.metadata)
  on conflict do nothing;
insert into metadata_pairs (project_id, list, pair, id)
  select r.project_id, 'runs', metadata_pair(key, value), r.id from runs r, jsonb_each_text(r.metadata)
  on conflict do nothing;
insert into unindexed_messages (project_id, message_id)
  select m.project_id, m.id from messages m where m.status <> 'in_progress'
    and not exists (select from message_words w where w.project_id = m.project_id and w.message_id = m.id)
  on conflict do nothing;
