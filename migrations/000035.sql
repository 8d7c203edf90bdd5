-- Rows of all projects are counted, also by an owner that row-level security holds for.
set local threadmill.scope = '*';

-- The quota counts the words that messages are found by.
do $$ declare operation text; name text;
begin
  foreach operation in array '{insert,update,delete}'::text[] loop
    name := format('counted_%s_message_words', operation);
    execute format('create function %I() returns trigger language plpgsql as %L', name,
      format('begin insert into row_byte_changes (project_id, bytes) %s; return null; end',
        byte_changes('message_words', upper(operation), '200 + pg_column_size(words)', 'project_id, message_id')));
    execute format('create trigger %I after %s on message_words referencing %s for each statement execute function %I()',
      'counted_' || operation, operation, case operation when 'insert' then 'new table as after'
        when 'delete' then 'old table as before' else 'old table as before new table as after' end, name);
  end loop;
end $$;
insert into row_byte_changes (project_id, bytes) select project_id, sum(200 + pg_column_size(words)) from message_words group by 1;
