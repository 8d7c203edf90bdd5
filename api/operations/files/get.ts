import { getFileRow } from '../../../db/files/files.ts';
import { file } from '../../../wire/answers.ts';
import { toFile } from '../../../wire/objects.ts';
import { operation } from '../../operation.ts';

export const retrieveFile = operation({
  route: 'GET /files/{file_id}',
  answer: file,
  read: async ({ pool, project, ids }) => toFile(await getFileRow(pool, project, ids.file_id)),
});
