import { addFiles, getVectorStoreFileRow } from '../../../db/vector-stores/vector-store-files.ts';
import { vectorStoreFile } from '../../../wire/answers.ts';
import { createVectorStoreFileSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStoreFile } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const createVectorStoreFile = operation({
  route: 'POST /vector_stores/{vector_store_id}/files',
  body: createVectorStoreFileSchema,
  answer: vectorStoreFile,
  idempotent: true,
  async write({ tx, project, ids, body }) {
    const deliveries = await addFiles(tx, { projectId: project, storeId: ids.vector_store_id }, [
      body,
    ]);
    const row = await getVectorStoreFileRow(tx, project, ids.vector_store_id, body.file_id);
    return { object: toVectorStoreFile(row), deliveries };
  },
});
