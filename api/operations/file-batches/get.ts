import { getFileBatchRow } from '../../../db/vector-stores/file-batches.ts';
import { vectorStoreFileBatch } from '../../../wire/answers.ts';
import { toVectorStoreFileBatch } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const getVectorStoreFileBatch = operation({
  route: 'GET /vector_stores/{vector_store_id}/file_batches/{batch_id}',
  answer: vectorStoreFileBatch,
  polled: () => true,
  read: async ({ pool, project, ids: { vector_store_id, batch_id } }) =>
    toVectorStoreFileBatch(await getFileBatchRow(pool, project, vector_store_id, batch_id)),
});
