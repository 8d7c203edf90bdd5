import * as db from '../../../db/vector-stores/vector-store-files.ts';
import { getVectorStoreRow } from '../../../db/vector-stores/vector-stores.ts';
import { listOf, vectorStoreFile } from '../../../wire/answers.ts';
import { listStoreFilesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listVectorStoreFiles = operation({
  route: 'GET /vector_stores/{vector_store_id}/files',
  query: listStoreFilesQuery,
  answer: listOf(vectorStoreFile),
  async read({ pool, project, ids: { vector_store_id: storeId }, query }) {
    await getVectorStoreRow(pool, project, storeId);
    return db.listVectorStoreFiles(pool, project, { storeId }, query);
  },
});
