-- What a chunk is searched with beside its text: the titles above it, and the header of the table that it continues.
alter table chunks add column headings text[] not null default '{}';
alter table chunks add column table_header text;
