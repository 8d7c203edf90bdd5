import { getFileBatchRow } from '../../../db/vector-stores/file-batches.ts';
import { listVectorStoreFiles } from '../../../db/vector-stores/vector-store-files.ts';
import { listOf, vectorStoreFile } from '../../../wire/answers.ts';
import { listStoreFilesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listFilesInVectorStoreBatch = operation({
  route: 'GET /vector_stores/{vector_store_id}/file_batches/{batch_id}/files',
  query: listStoreFilesQuery,
  answer: listOf(vectorStoreFile),
  async read({ pool, project, ids: { vector_store_id: storeId, batch_id: batchId }, query }) {
    await getFileBatchRow(pool, project, storeId, batchId);
    return listVectorStoreFiles(pool, project, { storeId, batchId }, query);
  },
});
