-- Where objects were in lists that they have left: a client goes on from the last one it saw, which may be gone by then.
create table list_places (
  list text collate "C" not null,
  -- what the list belongs to: a project, thread, vector store or batch
  owner text collate "C" not null,
  id text collate "C" not null,
  -- null in lists that are ordered by id
  place bigint,
  left_at timestamptz not null default clock_timestamp(),
  primary key (list, owner, id)
);
create index list_places_by_age on list_places (left_at);

-- Its place in lists, if not its seq: a file that is added again has its former place.
alter table vector_store_files add column list_place bigint;
drop index vector_store_files_by_store;
create index vector_store_files_by_store on vector_store_files (vector_store_id, coalesce(list_place, seq))
  include (status, usage_bytes);
drop index vector_store_files_by_batch;
create index vector_store_files_by_batch on vector_store_files (batch_id, coalesce(list_place, seq))
  where batch_id is not null;
