/**
 * Files leave their vector stores: rows, codes, starts that are still to be delivered, and the documents that nobody else
 * uses go in one transaction. An ingest under way is cancelled, and finds its row gone whatever becomes of the cancel.
 */
import type { FileId, ProjectId, VectorStoreId } from '../../wire/ids.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { narrowTo } from '../core/row-scope.ts';

/** The id of the workflow that ingests a row of vector_store_files. */
export const INGEST_ID = `vector_store_id || ':' || file_id || ':' || seq`;

/** Files that an expired store loses at once. */
const SWEEP_BATCH = 500;

type Detached = {
  seq: number;
  vector_store_id: VectorStoreId;
  document_id: number | null;
  status: string;
  ingest_id: string;
};

/** Detaches these rows of vector_store_files, those that are still there. */
export async function detachFiles(tx: Tx, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  // In the order of a commit, which locks the document before its files.
  await query(
    tx,
    'detach-files.lock-documents',
    `select d.id from documents d
     where d.id in (select f.document_id from vector_store_files f where f.seq = any($1::bigint[]))
     order by d.id for update`,
    [seqs],
  );
  const gone = await query<Detached>(
    tx,
    'detach-files.delete',
    `with gone as (delete from vector_store_files where seq = any($1::bigint[])
         returning file_id as id, seq, vector_store_id, batch_id, document_id, status, ${INGEST_ID} as ingest_id,
           coalesce(list_place, seq) as place),
       places as (${keepPlaces('vector_store_files', 'vector_store_id', 'place')}),
       batch_places as (${keepPlaces('file_batch_files', 'batch_id', 'place')})
     select seq, vector_store_id, document_id, status, ingest_id from gone`,
    [seqs],
  );
  await deleteCodes(tx, gone);
  const active = gone.filter(({ status }) => status === 'in_progress');
  const ingests = active.map(({ ingest_id }) => ingest_id);
  await stopIngests(tx, ingests);
  const documents = gone.flatMap(({ document_id }) => document_id ?? []);
  await releaseDocuments(tx, documents);
}

async function deleteCodes(tx: Tx, gone: readonly Detached[]): Promise<void> {
  const indexed = gone.filter(({ status }) => status === 'completed');
  if (indexed.length === 0) return;
  await query(
    tx,
    'detach-files.delete-codes',
    `delete from chunk_codes c using unnest($1::text[], $2::bigint[]) g(store, seq)
     where c.vector_store_id = g.store and c.store_file = g.seq`,
    [indexed.map(({ vector_store_id }) => vector_store_id), indexed.map(({ seq }) => seq)],
  );
}

/** Forgets the starts that Temporal has not accepted yet, and cancels the workflows of the others. */
export async function stopIngests(tx: Tx, ingestIds: readonly string[]): Promise<void> {
  if (ingestIds.length === 0) return;
  await query(
    tx,
    'detach-files.stop',
    `with unstarted as (delete from deliveries where kind = 'ingest' and run_id = any($1::text[]) returning run_id)
     insert into deliveries (run_id, kind, payload, next_attempt_at)
     select id, 'cancel', '{"kind": "cancel"}'::jsonb, clock_timestamp() from unnest($1::text[]) id
     where id not in (select run_id from unstarted)`,
    [ingestIds],
  );
}

/** Deletes those of the documents that no file uses any more. Call it after the user is gone. */
export async function releaseDocuments(tx: Tx, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  // No file can begin to use a locked document, and the next statement sees every file that does.
  await query(
    tx,
    'documents.lock',
    'select id from documents where id = any($1::bigint[]) order by id for update',
    [ids],
  );
  await query(
    tx,
    'documents.release',
    `delete from documents d where d.id = any($1::bigint[])
       and not exists (select from vector_store_files f where f.document_id = d.id)`,
    [ids],
  );
}

/** Rows of these files in all stores. */
export async function seqsOfFiles(db: Queryable, fileIds: readonly FileId[]): Promise<number[]> {
  const rows = await query<{ seq: number }>(
    db,
    'detach-files.of-files',
    'select seq from vector_store_files where file_id = any($1::text[]) order by seq',
    [fileIds],
  );
  return rows.map(({ seq }) => seq);
}

/** Rows of a store, at most `limit` of them. */
export async function seqsOfStore(
  db: Queryable,
  storeId: VectorStoreId,
  limit: number | null = null,
): Promise<number[]> {
  const rows = await query<{ seq: number }>(
    db,
    'detach-files.of-store',
    'select seq from vector_store_files where vector_store_id = $1 order by coalesce(list_place, seq) limit $2',
    [storeId, limit],
  );
  return rows.map(({ seq }) => seq);
}

/** Frees what expired stores hold; the stores themselves stay and say that they are expired. */
export async function emptyExpiredStores(pool: Pool): Promise<void> {
  for (let more = true; more;) {
    more = await withTransaction(pool, async (tx) => {
      const rows = await query<{ id: VectorStoreId; project_id: ProjectId }>(
        tx,
        'detach-files.expired-store',
        `select s.id, s.project_id from vector_stores s
         where s.expires_after_days is not null and s.last_active_at + s.expires_after_days * 86400 <= unix_now()
           and exists (select from vector_store_files f where f.vector_store_id = s.id)
         order by s.last_active_at + s.expires_after_days * 86400 limit 1 for update of s skip locked`,
      );
      if (rows[0] === undefined) return false;
      await narrowTo(tx, rows[0].project_id);
      await detachFiles(tx, await seqsOfStore(tx, rows[0].id, SWEEP_BATCH));
      return true;
    });
  }
}
