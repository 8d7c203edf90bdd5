import * as db from '../../../db/threads/messages.ts';
import { deletion } from '../../operation.ts';

export const deleteMessage = deletion({
  route: 'DELETE /threads/{thread_id}/messages/{message_id}',
  object: 'thread.message.deleted',
  erase: ({ tx, project, ids }) => db.deleteMessage(tx, project, ids.thread_id, ids.message_id),
});
