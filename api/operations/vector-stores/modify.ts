import * as db from '../../../db/vector-stores/vector-stores.ts';
import { vectorStore } from '../../../wire/answers.ts';
import { modifyVectorStoreSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStore } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const modifyVectorStore = operation({
  route: 'POST /vector_stores/{vector_store_id}',
  body: modifyVectorStoreSchema,
  answer: vectorStore,
  write: async ({ tx, project, ids, body }) => ({
    object: toVectorStore(await db.modifyVectorStore(tx, project, ids.vector_store_id, body)),
  }),
});
