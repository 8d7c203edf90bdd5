-- Rows of all projects are counted, also by an owner that row-level security holds for.
set local threadmill.scope = '*';

-- What a project stores, for its quota. projects.file_bytes goes on for processes of an earlier version that run beside new ones.
alter table projects
  -- of blobs, of those that are being written, and of what pending uploads have still to send: always exact
  add column blob_bytes bigint not null default 0,
  -- of messages, runs, assistants, chunks and stored answers, as of the last pass of the worker
  add column row_bytes bigint not null default 0;
alter table blobs
  -- for a blob that is being written
  add column reserved bigint not null default 0,
  add column counted_bytes bigint generated always as (coalesce(bytes, reserved)) stored;
alter table uploads add column counted_bytes bigint not null default 0;
update uploads u set counted_bytes = greatest(0, bytes - coalesce(
    (select sum(p.bytes) from upload_parts p where p.upload_id = u.id), 0))
  where status = 'pending';
update projects p set blob_bytes =
  (select coalesce(sum(b.counted_bytes), 0) from blobs b where b.project_id = p.id)
  + (select coalesce(sum(u.counted_bytes), 0) from uploads u where u.project_id = p.id);

-- The changes that a statement made to a table, as (project_id, bytes). `size` is SQL over its columns, `key` names those of its
-- key: rows are read again, because the transition table has what was inserted as it was before it was compressed.
create function byte_changes(counted regclass, operation text, size text, key text) returns text language sql immutable as $$
  select format('select project_id, sum(bytes)::bigint as bytes from (%s) c group by project_id having sum(bytes) <> 0 order by project_id',
    concat_ws(' union all ',
      case when operation <> 'DELETE' then
        format('select project_id, %s as bytes from %s where (%s) in (select %3$s from after)', size, counted, key) end,
      case when operation <> 'INSERT' then format('select project_id, -(%s) as bytes from before', size) end)) $$;

create function count_blob_bytes() returns trigger language plpgsql as $$ begin
  execute format('update projects p set blob_bytes = p.blob_bytes + c.bytes from (%s) c where p.id = c.project_id',
    byte_changes(tg_relid, tg_op, 'counted_bytes', 'id'));
  return null;
end $$;

-- Appended, so that writers of one project do not wait for each other; the worker sums them up.
create table row_byte_changes (project_id text collate "C" not null, bytes bigint not null);
select wall_off('row_byte_changes');
create function count_row_bytes() returns trigger language plpgsql as $$ begin
  execute 'insert into row_byte_changes (project_id, bytes) ' || byte_changes(tg_relid, tg_op, tg_argv[0], tg_argv[1]);
  return null;
end $$;

create function count_bytes_of(counted regclass, counter text, operations text[]) returns void language plpgsql as $$
declare operation text;
begin
  foreach operation in array operations loop
    execute format('create trigger counted_%1$s after %1$s on %2$s referencing %3$s for each statement execute function %4$s',
      operation, counted, case operation when 'insert' then 'new table as after' when 'delete' then 'old table as before'
        else 'old table as before new table as after' end, counter);
  end loop;
end $$;
select count_bytes_of(name::regclass, 'count_blob_bytes()', '{insert,update,delete}') from unnest(array['blobs', 'uploads']) name;

-- As stored, so compressed where they are; with a round figure for the other columns and the indexes.
alter table documents
  -- of its chunks, and of their vectors
  add column text_stored bigint not null default 0,
  add column vectors_stored bigint not null default 0;
select count_bytes_of(counted::regclass, format('count_row_bytes(%L, %L)', size, key), operations::text[]) from (values
  ('messages', '300 + pg_column_size(content) + pg_column_size(attachments) + pg_column_size(metadata)', '{insert,update,delete}', 'id'),
  -- Written often: its size is that of columns that do not change, in whatever form they are stored.
  ('runs', '600 + coalesce(octet_length(instructions), 0) + octet_length(tools::text)', '{insert,delete}', 'id'),
  ('assistants', '300 + coalesce(pg_column_size(instructions), 0) + coalesce(pg_column_size(description), 0) + pg_column_size(tools)
    + pg_column_size(metadata) + pg_column_size(response_format)', '{insert,update,delete}', 'id'),
  ('idempotency_keys', '200 + coalesce(pg_column_size(response), 0)', '{insert,update,delete}', 'project_id, key'),
  ('documents', 'text_stored + vectors_stored', '{update,delete}', 'id')) counted (counted, size, operations, key);

update documents d set
  text_stored = (select coalesce(sum(200 + pg_column_size(text) + pg_column_size(tsv)), 0) from chunks where document_id = d.id),
  vectors_stored = (select coalesce(sum(50 + pg_column_size(embedding) + pg_column_size(code)), 0)
    from chunks c join chunk_vectors v on v.chunk_id = c.id where c.document_id = d.id)
  where chunk_count is not null;
insert into row_byte_changes (project_id, bytes)
  select project_id, sum(300 + pg_column_size(content) + pg_column_size(attachments) + pg_column_size(metadata)) from messages group by 1
  union all
  select project_id, sum(600 + coalesce(octet_length(instructions), 0) + octet_length(tools::text)) from runs group by 1
  union all
  select project_id, sum(300 + coalesce(pg_column_size(instructions), 0) + coalesce(pg_column_size(description), 0) + pg_column_size(tools)
    + pg_column_size(metadata) + pg_column_size(response_format)) from assistants group by 1
  union all
  select project_id, sum(200 + coalesce(pg_column_size(response), 0)) from idempotency_keys group by 1;
