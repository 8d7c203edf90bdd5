import { readFileContent } from '../../../db/vector-stores/vector-store-files.ts';
import { fileContentPage } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';
import { storeFilePath } from './store-file-path.ts';

export const retrieveVectorStoreFileContent = operation({
  route: 'GET /vector_stores/{vector_store_id}/files/{file_id}/content',
  answer: fileContentPage,
  read: (call) => readFileContent(call.pool, storeFilePath(call)),
});
