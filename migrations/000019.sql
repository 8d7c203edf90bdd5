-- Deletion of projects, and of threads and runs that are old.
alter table projects add column deleted_at bigint;
create index projects_deleted on projects (deleted_at) where deleted_at is not null;
create index threads_by_project on threads (project_id, id);
create index blobs_by_project on blobs (project_id);

-- When the retention last found that the thread had been used. Null: it has not looked yet.
alter table threads add column last_active_at bigint;
create index threads_by_activity on threads (coalesce(last_active_at, created_at));
create index runs_by_age on runs (created_at);
