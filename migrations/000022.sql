-- Rows of all projects are counted, also by an owner that row-level security holds for.
set local threadmill.scope = '*';

-- The quota counts steps of runs, their calls with arguments and outputs, and lines of batches.
do $$ declare counted record; operation text; name text;
begin
  for counted in select * from (values
    ('run_steps', '500 + coalesce(pg_column_size(upstream), 0)', 'id'),
    ('tool_calls', '300 + pg_column_size(input) + pg_column_size(streamed) + coalesce(pg_column_size(result), 0)', 'step_id, index'),
    ('batch_lines', '300 + pg_column_size(custom_id) + coalesce(pg_column_size(response), 0)', 'batch_id, line')) c (tenants, size, key)
  loop
    foreach operation in array '{insert,update,delete}'::text[] loop
      name := format('counted_%s_%s', operation, counted.tenants);
      execute format('create function %I() returns trigger language plpgsql as %L', name,
        format('begin insert into row_byte_changes (project_id, bytes) %s; return null; end',
          byte_changes(counted.tenants::regclass, upper(operation), counted.size, counted.key)));
      execute format('create trigger %I after %s on %s referencing %s for each statement execute function %I()',
        'counted_' || operation, operation, counted.tenants, case operation when 'insert' then 'new table as after'
          when 'delete' then 'old table as before' else 'old table as before new table as after' end, name);
    end loop;
    execute format('insert into row_byte_changes (project_id, bytes) select project_id, sum(%s) from %s group by 1',
      counted.size, counted.tenants);
  end loop;
end $$;
