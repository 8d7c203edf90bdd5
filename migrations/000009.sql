-- The rules by which words were made of a text: those of earlier versions are 1, and are indexed again.
alter table chunks add column word_rules integer not null default 1;
-- That of all of its chunks.
alter table documents add column word_rules integer not null default 1;
create index documents_by_word_rules on documents (word_rules, id) where chunk_count is not null;
-- A search reads many rows and few texts: those are kept beside the table.
alter table chunks set (toast_tuple_target = 128);
