-- What is deleted takes with it what other tables tell of it.

-- The objects that a stored answer tells of. A key whose answer was dropped still stands for its request.
create function objects_of(answer json) returns text[] language sql immutable parallel safe
  return array(select part.value ->> field
    from json_each(answer) part, unnest(array['id', 'thread_id', 'vector_store_id']) field
    where json_typeof(part.value) = 'object' and part.value ->> field is not null);
alter table idempotency_keys add column objects text[] generated always as (objects_of(response)) stored;
create index idempotency_keys_by_object on idempotency_keys using gin (objects);

-- Texts of runs that were being written as they were deleted: what was under way is erased a little later.
create table pending_erasures (
  run_id text collate "C" not null,
  -- null: all events of the run
  message_id text collate "C",
  due_at timestamptz not null default clock_timestamp() + interval '10 seconds'
);

-- For the deletion of files.
create index uploads_by_file on uploads (file_id) where file_id is not null;
create index interpreter_files_by_file on interpreter_files (file_id) where file_id is not null;
