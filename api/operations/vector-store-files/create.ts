import { addFiles, getVectorStoreFileRow } from '../../../db/vector-stores/vector-store-files.ts';
import { vectorStoreFile } from '../../../wire/answers.ts';
import { createVectorStoreFileSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStoreFile } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const createVectorStoreFile = operation({
  route: 'POST /vector_stores/{vector_store_id}/files',
  stores: true,
  body: createVectorStoreFileSchema,
  answer: vectorStoreFile,
  idempotent: true,
  async write({ tx, project, ids, body }) {
    const store = { projectId: project, storeId: ids.vector_store_id };
    const deliveries = await addFiles(tx, store, [body]);
    const row = await getVectorStoreFileRow(tx, { ...store, fileId: body.file_id });
    return { object: toVectorStoreFile(row), deliveries };
  },
});
