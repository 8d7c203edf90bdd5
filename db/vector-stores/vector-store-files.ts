/** Files of vector stores. A row is one ingest: its status is set once, and adding a file anew makes another row. */
import { fileNotIndexed, tooManyStoreFiles } from '../../wire/errors/errors.ts';
import type { FileId, ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { NewVectorStoreFile } from '../../wire/requests/vector-stores.ts';
import type { VectorStoreFileRow } from '../../wire/rows.ts';
import type {
  FileAttributes,
  ListEnvelope,
  VectorStoreFile,
  VectorStoreFileStatus,
} from '../../wire/types.ts';
import { toVectorStoreFile } from '../../wire/objects.ts';
import { toJson } from '../core/json.ts';
import type { Delivery } from '../core/deliveries.ts';
import { INGEST_COPIES, INGEST_ROOM, INGESTS_OF_PROJECT } from '../core/deliveries.ts';
import { found, readById } from '../core/read-by-id.ts';
import { detachFiles, INGEST_ID } from '../files/detach-files.ts';
import { lockFiles } from '../files/files.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { ListQuery, ListSource } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { columnsOf, query } from '../core/pool.ts';
import { lockVectorStore } from './vector-stores.ts';

/** Files of one store. */
const MAX_FILES = 10_000;

/** Ingests that one request starts itself. */
const DIRECT_STARTS = 16;

const COLUMNS = `seq, vector_store_id, created_at, status, last_error, attributes, max_chunk_tokens,
  chunk_overlap_tokens, usage_bytes`;

const TABLE = `(select f.file_id as id, f.* from vector_store_files f) files`;

/** Where a file of a vector store is. */
export type StoreFilePath = { projectId: ProjectId; storeId: VectorStoreId; fileId: FileId };
type Destination = { projectId: ProjectId; storeId: VectorStoreId; batchId?: string | null };

/**
 * Adds files to a store. One that is there already, and cut in the same way, is left as it is but for its attributes and
 * its batch; a failed or cancelled one is tried again. What is new is ingested once its delivery is accepted.
 * @throws ApiError 404 for a store or file that is not there, 400 for an expired or full store
 */
export async function addFiles(
  tx: Tx,
  { projectId, storeId, batchId = null }: Destination,
  files: readonly NewVectorStoreFile[],
): Promise<Delivery[]> {
  await lockVectorStore(tx, projectId, storeId);
  if (files.length === 0) return [];
  const ids = files.map(({ file_id }) => file_id);
  await lockFiles(tx, projectId, ids);
  await detachFiles(tx, await outdated(tx, storeId, files));
  const seqs = await insertFiles(tx, { projectId, storeId, batchId }, files);
  await checkCount(tx, storeId);
  return enqueueIngests(tx, seqs);
}

/** Rows of files that must be ingested anew. */
async function outdated(
  tx: Tx,
  storeId: VectorStoreId,
  files: readonly NewVectorStoreFile[],
): Promise<number[]> {
  const rows = await query<{ seq: number }>(
    tx,
    'vector-store-files.outdated',
    `select f.seq from vector_store_files f
     join unnest($2::text[], $3::integer[], $4::integer[]) g(file_id, max_tokens, overlap) using (file_id)
     where f.vector_store_id = $1 and (f.status in ('failed', 'cancelled')
       or f.max_chunk_tokens <> g.max_tokens or f.chunk_overlap_tokens <> g.overlap)`,
    [storeId, ...columnsOf(files, 'file_id', 'max_chunk_tokens', 'chunk_overlap_tokens')],
  );
  return rows.map(({ seq }) => seq);
}

/** Returns the rows that are new. */
async function insertFiles(
  tx: Tx,
  { projectId, storeId, batchId }: Required<Destination>,
  files: readonly NewVectorStoreFile[],
): Promise<number[]> {
  const rows = await query<{ seq: number; inserted: boolean }>(
    tx,
    'vector-store-files.insert',
    `with gone as (select file_id as id, batch_id, coalesce(list_place, seq) as place from vector_store_files
         where vector_store_id = $1 and file_id = any($4::text[]) and batch_id <> $3),
       places as (${keepPlaces('file_batch_files', 'batch_id', 'place')})
     insert into vector_store_files as f (vector_store_id, file_id, project_id, batch_id, created_at, status, attributes,
       max_chunk_tokens, chunk_overlap_tokens, list_place)
     select $1, g.file_id, $2, $3, unix_now(), 'in_progress', coalesce(g.attributes::jsonb, '{}'), g.max_tokens, g.overlap,
       (select p.place from list_places p where p.list = 'vector_store_files' and p.owner = $1 and p.id = g.file_id)
     from unnest($4::text[], $5::text[], $6::integer[], $7::integer[])
       with ordinality g(file_id, attributes, max_tokens, overlap, position)
     order by g.position
     on conflict (vector_store_id, file_id) do update set batch_id = coalesce(excluded.batch_id, f.batch_id),
       attributes = case when excluded.attributes = '{}' then f.attributes else excluded.attributes end
     returning f.seq, (f.xmax = 0) as inserted`,
    [
      storeId,
      projectId,
      batchId,
      files.map(({ file_id }) => file_id),
      files.map(({ attributes }) => (attributes === undefined ? null : toJson(attributes))),
      ...columnsOf(files, 'max_chunk_tokens', 'chunk_overlap_tokens'),
    ],
  );
  return rows.filter(({ inserted }) => inserted).map(({ seq }) => seq);
}

async function checkCount(tx: Tx, storeId: VectorStoreId): Promise<void> {
  const rows = await query<{ count: number }>(
    tx,
    'vector-store-files.count',
    'select count(*) from vector_store_files where vector_store_id = $1',
    [storeId],
  );
  if (rows[0]!.count > MAX_FILES) throw tooManyStoreFiles(MAX_FILES);
}

/**
 * Returns those that the API may start itself. The others are due at once: the worker starts them as earlier ingests end.
 *
 * The first file of a request has the turn after the project's next one, and each further file one more: a file that comes
 * alone is next, and requests with many files start them in turn, whoever was first. (The files count as in progress
 * already, hence $2. They are of one project.)
 */
export async function enqueueIngests(tx: Tx, seqs: readonly number[]): Promise<Delivery[]> {
  if (seqs.length === 0) return [];
  const rows = await query<Delivery & { direct: boolean }>(
    tx,
    'vector-store-files.enqueue',
    `with project as (select p.id, ${INGESTS_OF_PROJECT} as most from vector_store_files f join projects p on p.id = f.project_id
         where f.seq = ($1::bigint[])[1]),
       next as (select coalesce(min(turn), 0) as turn, count(*) as waiting from deliveries d, project
         where d.kind = 'ingest' and d.payload->>'projectId' = project.id),
       own as (select count(*) - next.waiting as n from vector_store_files f, project, next
         where f.status = 'in_progress' and f.project_id = project.id group by next.waiting),
       room as (select least(${DIRECT_STARTS}, ${INGEST_ROOM} + $2::integer, project.most - own.n + $2::integer) as n
         from own, project),
       files as (select f.*, row_number() over (order by seq) as place, (select count(*) from vector_store_files c
           where c.file_id = f.file_id and c.max_chunk_tokens = f.max_chunk_tokens
             and c.chunk_overlap_tokens = f.chunk_overlap_tokens and c.status = 'in_progress' and c.seq <= f.seq) as copy
         from vector_store_files f where f.seq = any($1::bigint[]))
     insert into deliveries (run_id, kind, payload, next_attempt_at, turn)
     select ${INGEST_ID}, 'ingest', jsonb_build_object('kind', 'ingest', 'seq', seq, 'projectId', project_id,
       'vectorStoreId', vector_store_id, 'fileId', file_id),
       clock_timestamp() + case when place <= room.n and copy <= ${INGEST_COPIES} then interval '2 seconds' else interval '0' end, next.turn + place
     from files, room, next order by place
     returning id, run_id as "workflowId", payload, next_attempt_at > clock_timestamp() as direct`,
    [seqs, seqs.length],
  );
  return rows
    .filter(({ direct }) => direct)
    .map(({ id, workflowId, payload }) => ({ id, workflowId, payload }));
}

/** @throws ApiError 404 */
export async function getVectorStoreFileRow(
  db: Queryable,
  { projectId, storeId, fileId }: StoreFilePath,
): Promise<VectorStoreFileRow> {
  const ids = { id: fileId, vector_store_id: storeId, project_id: projectId };
  return readById(db, 'vector store file', `select id, ${COLUMNS} from ${TABLE}`, ids);
}

/** Of the store, or of one of its batches; `filter` undefined: in any state. */
export async function listVectorStoreFiles(
  db: Queryable,
  projectId: ProjectId,
  of: { storeId: VectorStoreId; batchId?: string },
  page: ListQuery & { filter?: VectorStoreFileStatus | undefined },
): Promise<ListEnvelope<VectorStoreFile>> {
  const { storeId, batchId } = of;
  const ofBatch = batchId !== undefined;
  const scope = { vector_store_id: storeId, project_id: projectId };
  const status = `$${ofBatch ? 4 : 3}::text`;
  const source: ListSource = {
    name: ofBatch ? 'vector-store-files.list-batch' : 'vector-store-files.list',
    columns: `id, ${COLUMNS}`,
    table: TABLE,
    scope: ofBatch ? { ...scope, batch_id: batchId } : scope,
    filter: { where: `(${status} is null or status = ${status})`, values: [page.filter ?? null] },
    orderBy: 'coalesce(list_place, seq)',
    places: ofBatch
      ? { list: 'file_batch_files', owner: '$3' }
      : { list: 'vector_store_files', owner: '$1' },
  };
  return listPage(db, source, page, toVectorStoreFile);
}

/** Searches filter by them at once. @throws ApiError 404 */
export async function setFileAttributes(
  db: Queryable,
  { projectId, storeId, fileId }: StoreFilePath,
  attributes: FileAttributes,
): Promise<VectorStoreFileRow> {
  const rows = await query<VectorStoreFileRow>(
    db,
    'vector-store-files.attributes',
    `update vector_store_files set attributes = $4::jsonb
     where vector_store_id = $1 and file_id = $2 and project_id = $3 returning file_id as id, ${COLUMNS}`,
    [storeId, fileId, projectId, toJson(attributes)],
  );
  return found(rows[0], 'vector store file', fileId);
}

/** The file itself survives. @throws ApiError 404 */
export async function removeFile(tx: Tx, path: StoreFilePath): Promise<void> {
  const { seq } = await getVectorStoreFileRow(tx, path);
  await detachFiles(tx, [seq]);
  await forgetAnswers(tx, path.storeId, path.fileId);
}

type ContentRow = { text: string; ordinal: number; end_offset: number };

/** Chunks that are read at once. */
const CONTENT_CHUNKS = 32;

/**
 * The text that was indexed, a piece per chunk without what it shares with the ones before. The pieces are read as they are
 * asked for: a text may be larger than memory.
 * @throws ApiError 404, 400 unless the file is completed
 */
export async function readFileContent(
  db: Queryable,
  path: StoreFilePath,
): Promise<AsyncGenerator<string[]>> {
  const { seq, status } = await getVectorStoreFileRow(db, path);
  if (status !== 'completed') throw fileNotIndexed(path.fileId, status);
  const rows = await query<{ id: number; chunk_count: number }>(
    db,
    'vector-store-files.document',
    `select d.id, d.chunk_count from vector_store_files f join documents d on d.id = f.document_id where f.seq = $1`,
    [seq],
  );
  return readPieces(db, found(rows[0], 'vector store file', path.fileId));
}

/** @throws Error when the file leaves its store meanwhile */
async function* readPieces(
  db: Queryable,
  document: { id: number; chunk_count: number },
): AsyncGenerator<string[]> {
  let seen = 0;
  for (let next = 0; next < document.chunk_count; next += CONTENT_CHUNKS) {
    const rows = await query<ContentRow>(
      db,
      'vector-store-files.content',
      `select ordinal, end_offset, substr(text, greatest(seen - start_offset, 0) + 1) as text
       from (select ordinal, text, start_offset, end_offset, greatest($3::integer,
           max(end_offset) over (order by ordinal rows between unbounded preceding and 1 preceding)) as seen
         from chunks where document_id = $1 and ordinal >= $2 and ordinal < $2 + ${CONTENT_CHUNKS}) c order by ordinal`,
      [document.id, next, seen],
    );
    if (rows.length < Math.min(CONTENT_CHUNKS, document.chunk_count - next)) {
      throw new Error('The text was deleted while it was read.');
    }
    yield rows.flatMap(({ text }) => (text === '' ? [] : [text]));
    seen = Math.max(seen, ...rows.map(({ end_offset }) => end_offset));
  }
}
