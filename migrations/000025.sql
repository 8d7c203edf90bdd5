-- Lists of the threads and runs of a project by their metadata, and messages by their words.

-- One row for each pair of an object's metadata, so that the list of those with a pair is read in order.
create table metadata_pairs (
  project_id text collate "C" not null default current_project(),
  -- the table of the object
  list text collate "C" not null,
  pair bigint not null,
  id text collate "C" not null,
  primary key (project_id, list, pair, id)
);
select wall_off('metadata_pairs');

create function metadata_pair(key text, value text) returns bigint language sql immutable parallel safe
  as $$ select hashtextextended(key || chr(31) || value, 0) $$;

create function index_metadata() returns trigger language plpgsql as $$ begin
  if tg_op <> 'INSERT' then
    delete from metadata_pairs where project_id = old.project_id and list = tg_table_name and id = old.id
      and pair in (select metadata_pair(key, value) from jsonb_each_text(old.metadata));
  end if;
  if tg_op <> 'DELETE' then
    insert into metadata_pairs (project_id, list, pair, id)
      select new.project_id, tg_table_name, metadata_pair(key, value), new.id from jsonb_each_text(new.metadata)
      on conflict do nothing;
  end if;
  return null;
end $$;
do $$ declare listed text; begin
  foreach listed in array array['threads', 'runs'] loop
    execute format('create trigger metadata_given after insert on %I for each row
      when (new.metadata <> ''{}'') execute function index_metadata()', listed);
    execute format('create trigger metadata_changed after update of metadata on %I for each row
      when (new.metadata is distinct from old.metadata) execute function index_metadata()', listed);
    execute format('create trigger metadata_gone after delete on %I for each row
      when (old.metadata <> ''{}'') execute function index_metadata()', listed);
  end loop;
end $$;

-- The words of a message as searches look for them, without their places. A worker makes them soon after the message is stored.
create table message_words (
  project_id text collate "C" not null default current_project(),
  message_id text collate "C" not null,
  thread_id text collate "C" not null,
  created_at bigint not null,
  words tsvector not null,
  primary key (project_id, message_id)
);
create index message_words_by_thread on message_words (thread_id, message_id);
create index message_words_by_word on message_words using gin (words) with (fastupdate = off);
select wall_off('message_words');
-- As for chunks: the index of words is used through the view, which has the condition on the project.
alter table message_words no force row level security;
create view searched_messages as select project_id, message_id, thread_id, created_at, words from message_words
  where project_id = (select current_project()) or (select in_whole_database());

create table unindexed_messages (
  project_id text collate "C" not null default current_project(),
  message_id text collate "C" primary key
);
select wall_off('unindexed_messages');

insert into passes (name) values ('words');
create function await_words() returns trigger language plpgsql as $$ begin
  insert into unindexed_messages (project_id, message_id) values (new.project_id, new.id) on conflict do nothing;
  return null;
end $$;
create trigger words_await_indexing after insert on messages for each row
  when (new.status <> 'in_progress') execute function await_words();
create trigger words_await_indexing_at_end after update of status on messages for each row
  when (old.status = 'in_progress' and new.status <> 'in_progress') execute function await_words();

create function forget_words() returns trigger language plpgsql as $$ begin
  delete from message_words w using gone g where w.project_id = g.project_id and w.message_id = g.id;
  return null;
end $$;
create trigger words_gone after delete on messages referencing old table as gone
  for each statement execute function forget_words();
