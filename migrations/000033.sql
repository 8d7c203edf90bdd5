-- A dry run ends once its input is read, with an estimate.
alter table batches add column dry_run boolean not null default false, add column estimate jsonb;
