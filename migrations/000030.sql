-- What a turn sent to the model, in numbers, and how its requests went. Turns of earlier versions have nothing here.
alter table run_turns add column request jsonb;
create table lost_requests (
  id bigint generated always as identity primary key,
  project_id text collate "C" not null default current_project(),
  run_id text collate "C" not null references runs on delete cascade,
  turn integer not null,
  request jsonb not null
);
create index lost_requests_by_run on lost_requests (run_id, id);
select wall_off('lost_requests');
