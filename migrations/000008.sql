-- Work on the whole database that one worker at a time does, and when it is due again.
create table passes (name text primary key, next_at timestamptz not null default '-infinity');
insert into passes (name) values ('repair'), ('tidy');
