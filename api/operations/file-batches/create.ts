import { createFileBatch, getFileBatchRow } from '../../../db/vector-stores/file-batches.ts';
import { vectorStoreFileBatch } from '../../../wire/answers.ts';
import { createVectorStoreFileBatchSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStoreFileBatch } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const createVectorStoreFileBatch = operation({
  route: 'POST /vector_stores/{vector_store_id}/file_batches',
  stores: true,
  body: createVectorStoreFileBatchSchema,
  answer: vectorStoreFileBatch,
  idempotent: true,
  async write({ tx, project, ids, body: files }) {
    const { id, deliveries } = await createFileBatch(tx, project, ids.vector_store_id, files);
    const row = await getFileBatchRow(tx, project, ids.vector_store_id, id);
    return { object: toVectorStoreFileBatch(row), deliveries };
  },
});
