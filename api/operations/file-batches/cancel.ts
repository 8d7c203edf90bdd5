import { cancelFileBatch } from '../../../db/vector-stores/file-batches.ts';
import { vectorStoreFileBatch } from '../../../wire/answers.ts';
import { toVectorStoreFileBatch } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const cancelVectorStoreFileBatch = operation({
  route: 'POST /vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel',
  answer: vectorStoreFileBatch,
  async write({ tx, project, ids: { vector_store_id, batch_id } }) {
    const row = await cancelFileBatch(tx, project, vector_store_id, batch_id);
    return { object: toVectorStoreFileBatch(row) };
  },
});
