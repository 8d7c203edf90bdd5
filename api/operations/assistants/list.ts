import * as db from '../../../db/threads/assistants.ts';
import { assistant, listOf } from '../../../wire/answers.ts';
import { listQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listAssistants = operation({
  route: 'GET /assistants',
  query: listQuery,
  answer: listOf(assistant),
  read: ({ pool, project, query }) => db.listAssistants(pool, project, query),
});
