-- outside a transaction
-- Places without coalesce: row-level security keeps it out of the conditions of an index.
drop index concurrently if exists assistants_by_list_place;
create index concurrently assistants_by_list_place on assistants (project_id, (case when list_place is null then id else list_place end));
drop index concurrently if exists assistants_by_place;
drop index concurrently if exists threads_by_list_place;
create index concurrently threads_by_list_place on threads (project_id, (case when list_place is null then id else list_place end));
drop index concurrently if exists threads_by_place;
drop index concurrently if exists files_by_list_place;
create index concurrently files_by_list_place on files (project_id, (case when list_place is null then id else list_place end));
drop index concurrently if exists files_by_place;
drop index concurrently if exists vector_stores_by_list_place;
create index concurrently vector_stores_by_list_place on vector_stores (project_id, (case when list_place is null then id else list_place end));
drop index concurrently if exists vector_stores_by_place;
