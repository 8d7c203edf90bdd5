import * as db from '../../../db/threads/threads.ts';
import { thread } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

export const getThread = operation({
  route: 'GET /threads/{thread_id}',
  answer: thread,
  read: ({ pool, project, ids }) => db.getThread(pool, project, ids.thread_id),
});
