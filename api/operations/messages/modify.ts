import * as db from '../../../db/threads/messages.ts';
import { message } from '../../../wire/answers.ts';
import { modifyMessageSchema } from '../../../wire/requests/threads.ts';
import { operation } from '../../operation.ts';

export const modifyMessage = operation({
  route: 'POST /threads/{thread_id}/messages/{message_id}',
  body: modifyMessageSchema,
  answer: message,
  async write({ tx, project, ids, body: { metadata } }) {
    const { thread_id, message_id } = ids;
    return {
      object: await db.modifyMessage(
        tx,
        { projectId: project, threadId: thread_id, id: message_id },
        metadata,
      ),
    };
  },
});
