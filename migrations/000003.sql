-- Vector stores: files cut into chunks, found by words and, with an embeddings endpoint, by meaning.

-- The text of some content cut in one way. Shared by all files and stores of a project that need the same, so that
-- adding a file again parses and embeds nothing; removed with the last file that uses it.
create table documents (
  id bigint generated always as identity primary key,
  project_id text collate "C" not null references projects,
  created_at timestamptz not null default clock_timestamp(),
  sha256 bytea not null,
  -- how the content was read: the same bytes give another text under another name
  format text not null,
  max_chunk_tokens integer not null,
  chunk_overlap_tokens integer not null,
  -- the text search configuration of its chunks
  words text not null check (words in ('english', 'simple')),
  -- null until every chunk is stored
  chunk_count integer,
  -- of all chunks, overlaps counted twice
  token_count bigint,
  text_bytes bigint,
  -- model/dimensions of the vectors stored so far, and again once every chunk has one
  embedding_with text,
  embedded_with text,
  unique (project_id, sha256, format, max_chunk_tokens, chunk_overlap_tokens)
);

create table chunks (
  id bigint generated always as identity primary key,
  document_id bigint not null references documents on delete cascade,
  -- from 0
  ordinal integer not null,
  text text not null,
  page integer,
  -- code points of the extracted text, end exclusive
  start_offset integer not null,
  end_offset integer not null,
  tokens integer not null,
  tsv tsvector not null,
  unique (document_id, ordinal)
);
-- The words of a text. What the parser would take for one host, path or tag (log.level, and/or, List<Item>) is several.
create function words_of(configuration text, content text) returns tsvector
  language sql immutable parallel safe
  return to_tsvector(configuration::regconfig, translate(content, './\:@<>', '       '));
create index chunks_by_word on chunks using gin (tsv);

create table chunk_vectors (
  chunk_id bigint primary key references chunks on delete cascade,
  -- float32, little-endian, of length 1
  embedding bytea not null,
  -- its bits: copied into chunk_codes for every store
  code bit varying not null
);
-- Numbers do not compress.
alter table chunk_vectors alter column embedding set storage external;

create table vector_stores (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  created_at bigint not null,
  name text,
  description text,
  metadata jsonb not null,
  -- it expires so many days after its last use; an expired store stays expired: nothing may use or change it
  expires_after_days integer,
  last_active_at bigint not null
);
create index vector_stores_by_project on vector_stores (project_id, id);
create index vector_stores_by_expiry on vector_stores ((last_active_at + expires_after_days * 86400))
  where expires_after_days is not null;

create table vector_store_file_batches (
  id text collate "C" primary key,
  vector_store_id text collate "C" not null references vector_stores on delete cascade,
  project_id text collate "C" not null,
  created_at bigint not null,
  cancelled_at bigint
);
create index vector_store_file_batches_by_store on vector_store_file_batches (vector_store_id);

-- Status and counts of stores and batches are those of these rows.
create table vector_store_files (
  -- names one ingest: adding the file again makes another row
  seq bigint generated always as identity primary key,
  vector_store_id text collate "C" not null references vector_stores on delete cascade,
  file_id text collate "C" not null references files on delete cascade,
  project_id text collate "C" not null,
  batch_id text collate "C" references vector_store_file_batches on delete set null,
  created_at bigint not null,
  status text not null check (status in ('in_progress', 'completed', 'failed', 'cancelled')),
  last_error jsonb,
  attributes jsonb not null,
  max_chunk_tokens integer not null,
  chunk_overlap_tokens integer not null,
  usage_bytes bigint not null default 0,
  document_id bigint references documents,
  updated_at timestamptz not null default clock_timestamp(),
  unique (vector_store_id, file_id),
  check (status <> 'completed' or document_id is not null)
);
create index vector_store_files_by_store on vector_store_files (vector_store_id, seq) include (status, usage_bytes);
create index vector_store_files_by_file on vector_store_files (file_id);
create index vector_store_files_by_batch on vector_store_files (batch_id, seq) where batch_id is not null;
create index vector_store_files_by_document on vector_store_files (document_id) where document_id is not null;
create index vector_store_files_active on vector_store_files (updated_at) where status = 'in_progress';

-- What a search by meaning scans: the bits of every chunk of a store's completed files. Partitioned so that the scan of
-- a big store reads few pages of others.
create table chunk_codes (
  vector_store_id text collate "C" not null,
  -- the vector store file's seq
  store_file bigint not null,
  chunk_id bigint not null,
  code bit varying not null,
  primary key (vector_store_id, store_file, chunk_id)
) partition by hash (vector_store_id);
do $$ begin
  for part in 0..15 loop
    execute format('create table chunk_codes_%s partition of chunk_codes for values with (modulus 16, remainder %s)', part, part);
  end loop;
end $$;

-- run_id is the workflow's id: a run's own, or that of an ingest, which names store, file and seq.
alter table deliveries drop constraint deliveries_kind_check;
alter table deliveries add constraint deliveries_kind_check
  check (kind in ('start', 'signal', 'cancel', 'ingest'));
-- When an ingest starts, among those that wait.
alter table deliveries add column turn bigint;
create index deliveries_of_ingests on deliveries (turn, id) where kind = 'ingest';

-- What a run's file_search searches, as of its creation.
alter table runs add column vector_store_ids text[] not null default '{}';
