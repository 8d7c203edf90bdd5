import { setFileAttributes } from '../../../db/vector-stores/vector-store-files.ts';
import { vectorStoreFile } from '../../../wire/answers.ts';
import { modifyVectorStoreFileSchema } from '../../../wire/requests/vector-stores.ts';
import { toVectorStoreFile } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';
import { storeFilePath } from './store-file-path.ts';

export const updateVectorStoreFileAttributes = operation({
  route: 'POST /vector_stores/{vector_store_id}/files/{file_id}',
  body: modifyVectorStoreFileSchema,
  answer: vectorStoreFile,
  async write(call) {
    const row = await setFileAttributes(call.tx, storeFilePath(call), call.body);
    return { object: toVectorStoreFile(row) };
  },
});
