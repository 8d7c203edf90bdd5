import * as db from '../../../db/threads/threads.ts';
import { deletion } from '../../operation.ts';

export const deleteThread = deletion({
  route: 'DELETE /threads/{thread_id}',
  object: 'thread.deleted',
  erase: ({ tx, project, ids }) => db.deleteThread(tx, project, ids.thread_id),
});
