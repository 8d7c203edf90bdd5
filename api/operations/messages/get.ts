import * as db from '../../../db/threads/messages.ts';
import { message } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

export const getMessage = operation({
  route: 'GET /threads/{thread_id}/messages/{message_id}',
  answer: message,
  read: ({ pool, project, ids }) => db.getMessage(pool, project, ids.thread_id, ids.message_id),
});
