-- The triggers of the quota become functions of their own, whose statements are planned once a session and not once a row.
do $$ declare found record; counted text; body text; begin
  for found in
    select tgname as name, tgrelid::regclass as tenants, p.proname as counter, upper(substr(tgname, 9)) as operation,
      coalesce(nullif(split_part(encode(tgargs, 'escape'), '\000', 1), ''), 'counted_bytes') as size,
      coalesce(nullif(split_part(encode(tgargs, 'escape'), '\000', 2), ''), 'id') as key
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid where p.proname in ('count_row_bytes', 'count_blob_bytes')
  loop
    counted := byte_changes(found.tenants, found.operation, found.size, found.key);
    body := case found.counter when 'count_row_bytes' then 'insert into row_byte_changes (project_id, bytes) ' || counted
      else format('update projects p set blob_bytes = p.blob_bytes + c.bytes from (%s) c where p.id = c.project_id', counted) end;
    execute format('create function %I() returns trigger language plpgsql as %L',
      format('%s_%s', found.name, found.tenants), format('begin %s; return null; end', body));
    execute format('create or replace trigger %I after %s on %s referencing %s for each statement execute function %I()',
      found.name, found.operation, found.tenants, case found.operation when 'INSERT' then 'new table as after'
        when 'DELETE' then 'old table as before' else 'old table as before new table as after' end,
      format('%s_%s', found.name, found.tenants));
  end loop;
end $$;
drop function count_row_bytes(), count_blob_bytes();
