import * as db from '../../../db/threads/messages.ts';
import { deletion } from '../../operation.ts';
import { messagePath } from './message-path.ts';

export const deleteMessage = deletion({
  route: 'DELETE /threads/{thread_id}/messages/{message_id}',
  object: 'thread.message.deleted',
  erase: (call) => db.deleteMessage(call.tx, messagePath(call)),
});
