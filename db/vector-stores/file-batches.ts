/** Batches: files that were added to a store together. Their state is that of the files that are still in the store. */
import { cannotCancelBatch } from '../../wire/errors/errors.ts';
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { NewVectorStoreFile } from '../../wire/requests/vector-stores.ts';
import type { VectorStoreFileBatchRow } from '../../wire/rows.ts';
import { batchStatus } from '../../wire/objects.ts';
import type { Delivery } from '../core/deliveries.ts';
import { found } from '../core/read-by-id.ts';
import { INGEST_ID, releaseDocuments, stopIngests } from '../files/detach-files.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { addFiles } from './vector-store-files.ts';
import { countFiles, lockVectorStore } from './vector-stores.ts';

/** @throws ApiError 404, 400 as `addFiles` */
export async function createFileBatch(
  tx: Tx,
  projectId: ProjectId,
  storeId: VectorStoreId,
  files: readonly NewVectorStoreFile[],
): Promise<{ id: string; deliveries: Delivery[] }> {
  await lockVectorStore(tx, projectId, storeId);
  const id = mintId('vector_store_file_batch');
  await query(
    tx,
    'file-batches.create',
    `insert into vector_store_file_batches (id, vector_store_id, project_id, created_at) values ($1, $2, $3, unix_now())`,
    [id, storeId, projectId],
  );
  return { id, deliveries: await addFiles(tx, { projectId, storeId, batchId: id }, files) };
}

/** @throws ApiError 404 */
export async function getFileBatchRow(
  db: Queryable,
  projectId: ProjectId,
  storeId: VectorStoreId,
  id: string,
): Promise<VectorStoreFileBatchRow> {
  const rows = await query<VectorStoreFileBatchRow>(
    db,
    'file-batches.get',
    `select b.id, b.vector_store_id, b.created_at, b.cancelled_at, in_progress, completed, failed, cancelled, total
     from vector_store_file_batches b cross join ${countFiles('f.batch_id = b.id')}
     where b.id = $1 and b.vector_store_id = $2 and b.project_id = $3`,
    [id, storeId, projectId],
  );
  return found(rows[0], 'vector store file batch', id);
}

/**
 * Files that are done stay in the store; the others are cancelled at once. Cancelling twice changes nothing.
 * @throws ApiError 404, 400 for a batch that has ended otherwise
 */
export async function cancelFileBatch(
  tx: Tx,
  projectId: ProjectId,
  storeId: VectorStoreId,
  id: string,
): Promise<VectorStoreFileBatchRow> {
  const batch = await getFileBatchRow(tx, projectId, storeId, id);
  const status = batchStatus(batch);
  if (status === 'cancelled') return batch;
  const rows = await query<{ ingest_id: string; document_id: number | null }>(
    tx,
    'file-batches.cancel-files',
    `with old as (select seq, document_id, ${INGEST_ID} as ingest_id from vector_store_files
         where batch_id = $1 and status = 'in_progress' order by seq for update)
     update vector_store_files f set status = 'cancelled', document_id = null, updated_at = clock_timestamp()
     from old where f.seq = old.seq returning old.ingest_id, old.document_id`,
    [id],
  );
  if (rows.length === 0) throw cannotCancelBatch(status === 'in_progress' ? 'completed' : status);
  await query(
    tx,
    'file-batches.cancel',
    'update vector_store_file_batches set cancelled_at = unix_now() where id = $1',
    [id],
  );
  const ingests = rows.map(({ ingest_id }) => ingest_id);
  await stopIngests(tx, ingests);
  const documents = rows.flatMap(({ document_id }) => document_id ?? []);
  await releaseDocuments(tx, documents);
  return getFileBatchRow(tx, projectId, storeId, id);
}
