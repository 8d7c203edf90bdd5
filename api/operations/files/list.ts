import * as db from '../../../db/files/files.ts';
import { file, listOf } from '../../../wire/answers.ts';
import { listFilesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listFiles = operation({
  route: 'GET /files',
  query: listFilesQuery,
  answer: listOf(file),
  read: ({ pool, project, query: { purpose, ...page } }) =>
    db.listFiles(pool, project, { ...page, purpose }),
});
