-- outside a transaction
-- Lists are read by the places of their objects.
drop index concurrently if exists assistants_by_place;
create index concurrently assistants_by_place on assistants (project_id, coalesce(list_place, id));
drop index concurrently if exists threads_by_place;
create index concurrently threads_by_place on threads (project_id, coalesce(list_place, id));
drop index concurrently if exists files_by_place;
create index concurrently files_by_place on files (project_id, coalesce(list_place, id));
drop index concurrently if exists vector_stores_by_place;
create index concurrently vector_stores_by_place on vector_stores (project_id, coalesce(list_place, id));
drop index concurrently if exists assistants_by_project;
drop index concurrently if exists threads_by_project;
drop index concurrently if exists files_by_project;
drop index concurrently if exists vector_stores_by_project;
