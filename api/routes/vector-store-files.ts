/** /vector_stores/{id}/files. */
import { Router } from 'express';

import { once } from '../../db/idempotency.ts';
import { withTransaction } from '../../db/pool.ts';
import {
  addFiles,
  getVectorStoreFileRow,
  listVectorStoreFiles,
  readFileContent,
  removeFile,
  setFileAttributes,
} from '../../db/vector-store-files.ts';
import { getVectorStoreRow } from '../../db/vector-stores.ts';
import { checkId } from '../../wire/ids.ts';
import {
  parseCreateVectorStoreFile,
  parseListVectorStoreFilesQuery,
  parseModifyVectorStoreFile,
} from '../../wire/requests.ts';
import { toVectorStoreFile } from '../../wire/vector-stores.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';

type StorePath = { vector_store_id: string };

export function vectorStoreFileRoutes({ config, dispatcher, pool }: ApiContext): Router {
  const router = Router({ mergeParams: true });

  router.post<'/', StorePath>('/', async (request, response) => {
    const storeId = checkId('vector_store_id', request.params.vector_store_id);
    const file = parseCreateVectorStoreFile(request.body);
    const projectId = projectOf(response);
    const { row, deliveries } = await once(pool, idempotencyOf(request, response), async (tx) => {
      const added = await addFiles(tx, projectId, storeId, [file]);
      const created = await getVectorStoreFileRow(tx, projectId, storeId, file.file_id);
      return { row: created, deliveries: added };
    });
    for (const delivery of deliveries) dispatcher.dispatch(delivery);
    response.json(toVectorStoreFile(row));
  });

  router.get<'/', StorePath>('/', async (request, response) => {
    const storeId = checkId('vector_store_id', request.params.vector_store_id);
    const page = parseListVectorStoreFilesQuery(request.query);
    await getVectorStoreRow(pool, projectOf(response), storeId);
    response.json(await listVectorStoreFiles(pool, projectOf(response), { storeId }, page));
  });

  router.get<'/:file_id', StorePath & { file_id: string }>(
    '/:file_id',
    async (request, response) => {
      const { storeId, fileId } = idsOf(request.params);
      const row = await getVectorStoreFileRow(pool, projectOf(response), storeId, fileId);
      response.setHeader('openai-poll-after-ms', config.pollAfterMs);
      response.json(toVectorStoreFile(row));
    },
  );

  router.post<'/:file_id', StorePath & { file_id: string }>(
    '/:file_id',
    async (request, response) => {
      const { storeId, fileId } = idsOf(request.params);
      const attributes = parseModifyVectorStoreFile(request.body);
      const row = await withTransaction(pool, (tx) =>
        setFileAttributes(tx, projectOf(response), storeId, fileId, attributes),
      );
      response.json(toVectorStoreFile(row));
    },
  );

  router.delete<'/:file_id', StorePath & { file_id: string }>(
    '/:file_id',
    async (request, response) => {
      const { storeId, fileId } = idsOf(request.params);
      await withTransaction(pool, (tx) => removeFile(tx, projectOf(response), storeId, fileId));
      response.json({ id: fileId, object: 'vector_store.file.deleted', deleted: true });
    },
  );

  router.get<'/:file_id/content', StorePath & { file_id: string }>(
    '/:file_id/content',
    async (request, response) => {
      const { storeId, fileId } = idsOf(request.params);
      response.json(await readFileContent(pool, projectOf(response), storeId, fileId));
    },
  );

  return router;
}

function idsOf(params: StorePath & { file_id: string }): { storeId: string; fileId: string } {
  return {
    storeId: checkId('vector_store_id', params.vector_store_id),
    fileId: checkId('file_id', params.file_id),
  };
}
