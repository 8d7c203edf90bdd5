-- Lines that have a result in an earlier batch are taken over from it.
alter table batches
  add column resume_from text collate "C",
  -- output file of that batch, kept until this one has ended
  add column resumed_blob_id bigint references blobs,
  add column resumed integer not null default 0;
create index batches_by_resumed_blob on batches (resumed_blob_id) where resumed_blob_id is not null;

alter table batch_lines
  -- of endpoint, url and body. Null: the line was stored by an earlier version
  add column content_hash bytea,
  -- its place is that of its result, in the file that is taken over
  add column resumed boolean not null default false;
