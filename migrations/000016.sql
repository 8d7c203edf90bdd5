-- A second wall between projects: a statement sees and writes the rows of its scope only, whatever its conditions say.
-- db/core/row-scope.ts sets the scope of a transaction: a project, or '*' for work on the whole database. Without one there are no rows.
create function current_project() returns text language sql stable parallel safe
  as $$ select nullif(nullif(current_setting('threadmill.scope', true), ''), '*') $$;
create function in_whole_database() returns boolean language sql stable parallel safe
  as $$ select coalesce(current_setting('threadmill.scope', true) = '*', false) $$;

-- Every migration that creates a table with rows of projects calls this for it. The functions stand in subqueries, so that
-- they are called once a statement and not once a row.
create function wall_off(tenants regclass, owning_column text default 'project_id') returns void language plpgsql as $$ begin
  execute format('alter table %s enable row level security, force row level security', tenants);
  execute format('create policy project on %s using (%I = (select current_project()) or (select in_whole_database()))',
    tenants, owning_column);
end $$;

-- Nothing reads or writes a partition by its own name: row level security without a policy refuses it.
create function wall_off_partitions(parent regclass) returns void language plpgsql as $$
declare part regclass;
begin
  for part in select inhrelid::regclass from pg_inherits where inhparent = parent loop
    execute format('alter table %s enable row level security, force row level security', part);
  end loop;
end $$;

-- A process of the version before does not name the project of what it inserts.
create function fill_project() returns trigger language plpgsql as $$ begin
  execute format('select %s from (select ($1).*) t', tg_argv[0]) using new into new.project_id;
  return new;
end $$;

-- Rewriting a row would index its words again.
drop index chunks_by_word;
-- Rows that no project has any more wait for nothing but their deletion.
do $$ declare child record; begin
  for child in select * from (values
    ('run_turns', '(select project_id from runs where id = t.run_id)'),
    ('tool_calls', '(select project_id from runs where id = t.run_id)'),
    ('run_events', '(select project_id from runs where id = t.run_id)'),
    ('pending_erasures', '(select project_id from runs where id = t.run_id)'),
    ('deliveries', $q$coalesce(payload ->> 'projectId', (select project_id from runs where id = t.run_id),
      (select project_id from batches where id = t.run_id),
      (select project_id from vector_stores where id = split_part(t.run_id, ':', 1)))$q$),
    ('blob_chunks', '(select project_id from blobs where id = t.blob_id)'),
    ('upload_parts', '(select project_id from uploads where id = t.upload_id)'),
    ('interpreter_files', '(select project_id from interpreters i where i.thread_id = t.thread_id)'),
    ('chunks', '(select project_id from documents where id = t.document_id)'),
    ('chunk_vectors', '(select project_id from chunks where id = t.chunk_id)'),
    ('chunk_codes', '(select project_id from vector_stores where id = t.vector_store_id)'),
    ('list_places', $q$case list
      when 'messages' then (select project_id from threads where id = t.owner)
      when 'vector_store_files' then (select project_id from vector_stores where id = t.owner)
      when 'file_batch_files' then (select project_id from vector_store_file_batches where id = t.owner)
      else (select id from projects where id = t.owner) end$q$)
  ) as children(name, project) loop
    execute format('alter table %I add column project_id text collate "C"', child.name);
    execute format('update %I t set project_id = %s', child.name, child.project);
    execute format('delete from %I where project_id is null', child.name);
    execute format('alter table %I alter column project_id set default current_project(), alter column project_id set not null',
      child.name);
    execute format('create trigger fill_project before insert on %I for each row when (new.project_id is null)
      execute function fill_project(%L)', child.name, child.project);
  end loop;
end $$;
create index chunks_by_word on chunks using gin (tsv);

select wall_off(c.oid) from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
  where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition;
select wall_off('projects', 'id');
select wall_off_partitions('run_events'), wall_off_partitions('chunk_codes');

-- The operators of these indexes are not leakproof, so a policy would keep the planner from using them. Here their owner
-- reads, which has no policy on these two tables, and the view has the condition.
alter table chunks no force row level security;
alter table idempotency_keys no force row level security;
create view chunk_words as select id, document_id, tsv from chunks
  where project_id = (select current_project()) or (select in_whole_database());
create view stored_answers as select objects, response from idempotency_keys
  where project_id = (select current_project()) or (select in_whole_database());

-- A number that all projects share: ingests of files in progress whose start Temporal has accepted.
create function ingests_under_way() returns bigint language sql stable set threadmill.scope = '*'
  as $$ select (select count(*) from vector_store_files where status = 'in_progress')
    - (select count(*) from deliveries where kind = 'ingest') $$;

-- What a role without rights on the tables' definitions needs done.
create function create_event_partition(day date) returns void language plpgsql security definer as $$
declare name text := 'run_events_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(name) is not null then return; end if;
  execute format('create table %I partition of run_events for values from (%L) to (%L)', name, day, day + 1);
  execute format('alter table %I enable row level security, force row level security', name);
exception when check_violation or duplicate_table then
  -- Rows of that day in the default partition (a clock that was ahead) keep it there: the table works the same.
end $$;

-- False: a run with events in it is active, whose sequence goes on from there.
create function drop_event_partition(day date) returns boolean language plpgsql security definer
  set threadmill.scope = '*' as $$ begin
  if exists (select from runs r where r.status in ('queued', 'in_progress', 'requires_action', 'cancelling')
    and exists (select from run_events e where e.run_day = day and e.run_id = r.id)) then return false; end if;
  execute format('drop table run_events_%s', to_char(day, 'YYYYMMDD'));
  return true;
end $$;

do $$ declare name text; begin
  foreach name in array array['create_event_partition(date)', 'drop_event_partition(date)'] loop
    execute format('alter function %s set search_path = %I, pg_temp', name, current_schema());
    execute format('revoke execute on function %s from public', name);
  end loop;
end $$;
