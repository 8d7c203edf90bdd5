import { getVectorStoreFileRow } from '../../../db/vector-stores/vector-store-files.ts';
import { vectorStoreFile } from '../../../wire/answers.ts';
import { toVectorStoreFile } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';
import { storeFilePath } from './store-file-path.ts';

export const getVectorStoreFile = operation({
  route: 'GET /vector_stores/{vector_store_id}/files/{file_id}',
  answer: vectorStoreFile,
  polled: () => true,
  read: async (call) =>
    toVectorStoreFile(await getVectorStoreFileRow(call.pool, storeFilePath(call))),
});
