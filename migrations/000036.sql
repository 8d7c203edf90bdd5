-- Objects that were copied from another server keep their ids, which need not grow with their age: their places in lists do.
-- Null: the place is the id.
alter table assistants add column list_place text collate "C";
alter table threads add column list_place text collate "C";
alter table messages add column list_place text collate "C";
alter table files add column list_place text collate "C";
alter table vector_stores add column list_place text collate "C";
-- Of an object that had a place beside its id.
alter table list_places add column named_place text collate "C";

-- A thread is listed at its place.
create or replace function index_metadata() returns trigger language plpgsql as $$
declare former text; place text;
begin
  if tg_op <> 'INSERT' then
    former := old.id;
    if tg_table_name = 'threads' then former := coalesce(old.list_place, old.id); end if;
    delete from metadata_pairs where project_id = old.project_id and list = tg_table_name and id = former
      and pair in (select metadata_pair(key, value) from jsonb_each_text(old.metadata));
  end if;
  if tg_op <> 'DELETE' then
    place := new.id;
    if tg_table_name = 'threads' then place := coalesce(new.list_place, new.id); end if;
    insert into metadata_pairs (project_id, list, pair, id)
      select new.project_id, tg_table_name, metadata_pair(key, value), place from jsonb_each_text(new.metadata)
      on conflict do nothing;
  end if;
  return null;
end $$;

-- message_id is the message's place, and copied_id its id where that differs.
alter table message_words add column copied_id text collate "C";
create or replace view searched_messages as select project_id, message_id, thread_id, created_at, words, copied_id
  from message_words where project_id = (select current_project()) or (select in_whole_database());
create or replace function forget_words() returns trigger language plpgsql as $$ begin
  delete from message_words w using gone g
    where w.project_id = g.project_id and w.message_id = coalesce(g.list_place, g.id);
  return null;
end $$;
