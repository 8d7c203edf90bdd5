import * as db from '../../../db/threads/messages.ts';
import { message } from '../../../wire/answers.ts';
import { modifyMessageSchema } from '../../../wire/requests/threads.ts';
import { operation } from '../../operation.ts';
import { messagePath } from './message-path.ts';

export const modifyMessage = operation({
  route: 'POST /threads/{thread_id}/messages/{message_id}',
  body: modifyMessageSchema,
  answer: message,
  async write(call) {
    return { object: await db.modifyMessage(call.tx, messagePath(call), call.body.metadata) };
  },
});
