import * as db from '../../../db/threads/threads.ts';
import { listOf, thread } from '../../../wire/answers.ts';
import { listThreadsQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listThreads = operation({
  route: 'GET /threads',
  extension: true,
  query: listThreadsQuery,
  answer: listOf(thread),
  read: ({ pool, project, query }) => db.listThreads(pool, project, query),
});
