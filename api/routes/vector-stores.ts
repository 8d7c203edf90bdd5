/** /vector_stores. Files and batches have their own routers below it. */
import { Router } from 'express';

import { once } from '../../db/idempotency.ts';
import { withTransaction } from '../../db/pool.ts';
import { addFiles } from '../../db/vector-store-files.ts';
import {
  createVectorStore,
  deleteVectorStore,
  getVectorStoreRow,
  listVectorStores,
  modifyVectorStore,
} from '../../db/vector-stores.ts';
import { checkId } from '../../wire/ids.ts';
import {
  parseCreateVectorStore,
  parseListQuery,
  parseModifyVectorStore,
} from '../../wire/requests.ts';
import { toVectorStore } from '../../wire/vector-stores.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';

export function vectorStoreRoutes({ dispatcher, pool }: ApiContext): Router {
  const router = Router();

  router.post('/', async (request, response) => {
    const { files, ...store } = parseCreateVectorStore(request.body);
    const projectId = projectOf(response);
    const { row, deliveries } = await once(pool, idempotencyOf(request, response), async (tx) => {
      const id = await createVectorStore(tx, projectId, store);
      const added = await addFiles(tx, projectId, id, files);
      return { row: await getVectorStoreRow(tx, projectId, id), deliveries: added };
    });
    for (const delivery of deliveries) dispatcher.dispatch(delivery);
    response.json(toVectorStore(row));
  });

  router.get('/', async (request, response) => {
    response.json(await listVectorStores(pool, projectOf(response), parseListQuery(request.query)));
  });

  router.get('/:vector_store_id', async (request, response) => {
    const id = checkId('vector_store_id', request.params.vector_store_id);
    response.json(toVectorStore(await getVectorStoreRow(pool, projectOf(response), id)));
  });

  router.post('/:vector_store_id', async (request, response) => {
    const id = checkId('vector_store_id', request.params.vector_store_id);
    const change = parseModifyVectorStore(request.body);
    const row = await withTransaction(pool, (tx) =>
      modifyVectorStore(tx, projectOf(response), id, change),
    );
    response.json(toVectorStore(row));
  });

  router.delete('/:vector_store_id', async (request, response) => {
    const id = checkId('vector_store_id', request.params.vector_store_id);
    await withTransaction(pool, (tx) => deleteVectorStore(tx, projectOf(response), id));
    response.json({ id, object: 'vector_store.deleted', deleted: true });
  });

  return router;
}
