import * as db from '../../../db/threads/messages.ts';
import { getThread } from '../../../db/threads/threads.ts';
import { listOf, message } from '../../../wire/answers.ts';
import { listMessagesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listMessages = operation({
  route: 'GET /threads/{thread_id}/messages',
  query: listMessagesQuery,
  answer: listOf(message),
  async read({ pool, project, ids, query }) {
    await getThread(pool, project, ids.thread_id);
    return db.listMessages(pool, project, ids.thread_id, query);
  },
});
