import * as db from '../../../db/threads/messages.ts';
import { message } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';
import { messagePath } from './message-path.ts';

export const getMessage = operation({
  route: 'GET /threads/{thread_id}/messages/{message_id}',
  answer: message,
  read: (call) => db.getMessage(call.pool, messagePath(call)),
});
