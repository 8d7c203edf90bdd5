import { readFileContent } from '../../../db/vector-stores/vector-store-files.ts';
import { fileContentPage } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

export const retrieveVectorStoreFileContent = operation({
  route: 'GET /vector_stores/{vector_store_id}/files/{file_id}/content',
  answer: fileContentPage,
  read: ({ pool, project, ids }) =>
    readFileContent(pool, project, ids.vector_store_id, ids.file_id),
});
