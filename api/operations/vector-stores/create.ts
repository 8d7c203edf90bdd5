import { addFiles } from '../../../db/vector-stores/vector-store-files.ts';
import * as db from '../../../db/vector-stores/vector-stores.ts';
import { vectorStore } from '../../../wire/answers.ts';
import { createVectorStoreSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStore } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const createVectorStore = operation({
  route: 'POST /vector_stores',
  stores: true,
  body: createVectorStoreSchema,
  answer: vectorStore,
  idempotent: true,
  async write({ tx, project, body: { files, ...store } }) {
    const id = await db.createVectorStore(tx, project, store);
    const deliveries = await addFiles(tx, { projectId: project, storeId: id }, files);
    return { object: toVectorStore(await db.getVectorStoreRow(tx, project, id)), deliveries };
  },
});
