-- Files, uploads, and what outlives a code_interpreter's processes.

-- Content, in rows of at most 1 MiB; written once and shared by everything that refers to it. A blob that nothing refers
-- to is removed with the last referrer, and by the reconciler when its writer died.
create table blobs (
  id bigint generated always as identity primary key,
  project_id text collate "C" not null references projects,
  -- moved on while a slow writer is at it, and when it ends
  created_at timestamptz not null default clock_timestamp(),
  -- null until the last chunk is stored
  bytes bigint,
  -- also null of content that was put together from parts
  sha256 bytea
);

create table blob_chunks (
  blob_id bigint not null references blobs on delete cascade,
  n integer not null,
  data bytea not null,
  primary key (blob_id, n)
);
-- The content is compressed already more often than not.
alter table blob_chunks alter column data set storage external;

create table files (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  created_at bigint not null,
  purpose text not null,
  filename text not null,
  bytes bigint not null,
  expires_at bigint,
  blob_id bigint not null references blobs
);
create index files_by_project on files (project_id, id);
create index files_by_blob on files (blob_id);
create index files_by_expiry on files (expires_at) where expires_at is not null;

-- Bytes of its files and of its pending uploads: what the quota counts, kept by whoever creates or deletes one.
alter table projects add column file_bytes bigint not null default 0;

create table uploads (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  created_at bigint not null,
  expires_at bigint not null,
  status text not null check (status in ('pending', 'completed', 'cancelled', 'expired')),
  filename text not null,
  purpose text not null,
  mime_type text not null,
  bytes bigint not null,
  -- of the file it becomes
  file_expires_after bigint,
  file_id text collate "C" references files on delete set null
);

create table upload_parts (
  id text collate "C" primary key,
  upload_id text collate "C" not null references uploads on delete cascade,
  created_at bigint not null,
  bytes bigint not null,
  blob_id bigint not null references blobs
);
create index uploads_by_expiry on uploads (expires_at) where status = 'pending';
create index upload_parts_by_upload on upload_parts (upload_id, id);
create index upload_parts_by_blob on upload_parts (blob_id);

-- The state of a thread's Python as its last stored cell left it.
create table interpreters (
  thread_id text collate "C" primary key references threads on delete cascade,
  project_id text collate "C" not null,
  -- names the attempt whose cell left this state; a live Python at another version is out of date
  version text,
  -- pickled variables: opaque, read only inside a sandbox
  namespace_blob_id bigint references blobs,
  -- names that could not be saved
  unsaved text[] not null default '{}',
  -- one worker at a time; each taking of the lease counts epoch up
  owner text,
  epoch bigint not null default 0,
  lease_until timestamptz
);
create index interpreters_by_blob on interpreters (namespace_blob_id);

-- Its files below /mnt/data.
create table interpreter_files (
  thread_id text collate "C" not null references interpreters on delete cascade,
  path text collate "C" not null,
  bytes bigint not null,
  blob_id bigint not null references blobs,
  -- the file that was made of this content, once a message linked it
  file_id text collate "C" references files on delete set null,
  primary key (thread_id, path)
);
create index interpreter_files_by_blob on interpreter_files (blob_id);

-- Files that a run's code may read: the assistant's and the thread's, as they were when the run was created.
alter table runs add column code_file_ids text[] not null default '{}';
