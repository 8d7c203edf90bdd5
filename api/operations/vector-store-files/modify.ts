import { setFileAttributes } from '../../../db/vector-stores/vector-store-files.ts';
import { vectorStoreFile } from '../../../wire/answers.ts';
import { modifyVectorStoreFileSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStoreFile } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const updateVectorStoreFileAttributes = operation({
  route: 'POST /vector_stores/{vector_store_id}/files/{file_id}',
  body: modifyVectorStoreFileSchema,
  answer: vectorStoreFile,
  async write({ tx, project, ids: { vector_store_id, file_id }, body: attributes }) {
    const row = await setFileAttributes(
      tx,
      { projectId: project, storeId: vector_store_id, fileId: file_id },
      attributes,
    );
    return { object: toVectorStoreFile(row) };
  },
});
