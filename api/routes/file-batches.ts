/** /vector_stores/{id}/file_batches. */
import { Router } from 'express';

import { cancelFileBatch, createFileBatch, getFileBatchRow } from '../../db/file-batches.ts';
import { once } from '../../db/idempotency.ts';
import { withTransaction } from '../../db/pool.ts';
import { listVectorStoreFiles } from '../../db/vector-store-files.ts';
import { checkId } from '../../wire/ids.ts';
import {
  parseCreateVectorStoreFileBatch,
  parseListVectorStoreFilesQuery,
} from '../../wire/requests.ts';
import { toVectorStoreFileBatch } from '../../wire/vector-stores.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';

type StorePath = { vector_store_id: string };
type BatchPath = StorePath & { batch_id: string };

export function fileBatchRoutes({ config, dispatcher, pool }: ApiContext): Router {
  const router = Router({ mergeParams: true });

  router.post<'/', StorePath>('/', async (request, response) => {
    const storeId = checkId('vector_store_id', request.params.vector_store_id);
    const files = parseCreateVectorStoreFileBatch(request.body);
    const projectId = projectOf(response);
    const { row, deliveries } = await once(pool, idempotencyOf(request, response), async (tx) => {
      const batch = await createFileBatch(tx, projectId, storeId, files);
      const created = await getFileBatchRow(tx, projectId, storeId, batch.id);
      return { row: created, deliveries: batch.deliveries };
    });
    for (const delivery of deliveries) dispatcher.dispatch(delivery);
    response.json(toVectorStoreFileBatch(row));
  });

  router.get<'/:batch_id', BatchPath>('/:batch_id', async (request, response) => {
    const { storeId, batchId } = idsOf(request.params);
    const row = await getFileBatchRow(pool, projectOf(response), storeId, batchId);
    response.setHeader('openai-poll-after-ms', config.pollAfterMs);
    response.json(toVectorStoreFileBatch(row));
  });

  router.post<'/:batch_id/cancel', BatchPath>('/:batch_id/cancel', async (request, response) => {
    const { storeId, batchId } = idsOf(request.params);
    const row = await withTransaction(pool, (tx) =>
      cancelFileBatch(tx, projectOf(response), storeId, batchId),
    );
    response.json(toVectorStoreFileBatch(row));
  });

  router.get<'/:batch_id/files', BatchPath>('/:batch_id/files', async (request, response) => {
    const { storeId, batchId } = idsOf(request.params);
    const page = parseListVectorStoreFilesQuery(request.query);
    await getFileBatchRow(pool, projectOf(response), storeId, batchId);
    const of = { storeId, batchId };
    response.json(await listVectorStoreFiles(pool, projectOf(response), of, page));
  });

  return router;
}

function idsOf(params: BatchPath): { storeId: string; batchId: string } {
  return {
    storeId: checkId('vector_store_id', params.vector_store_id),
    batchId: checkId('batch_id', params.batch_id),
  };
}
