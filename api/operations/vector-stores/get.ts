import { getVectorStoreRow } from '../../../db/vector-stores/vector-stores.ts';
import { vectorStore } from '../../../wire/answers.ts';
import { toVectorStore } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const getVectorStore = operation({
  route: 'GET /vector_stores/{vector_store_id}',
  answer: vectorStore,
  read: async ({ pool, project, ids }) =>
    toVectorStore(await getVectorStoreRow(pool, project, ids.vector_store_id)),
});
