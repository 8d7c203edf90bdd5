import { checkFiles } from '../../../db/files/files.ts';
import * as db from '../../../db/threads/messages.ts';
import { message } from '../../../wire/answers.ts';
import { filesOfMessages } from '../../../wire/requests/file-ids.ts';
import { createMessageSchema } from '../../../wire/requests/threads.ts';
import { operation } from '../../operation.ts';
import { countMessages, newMessage } from '../../../db/threads/new-thread.ts';

export const createMessage = operation({
  route: 'POST /threads/{thread_id}/messages',
  stores: true,
  body: createMessageSchema.transform(newMessage),
  answer: message,
  idempotent: true,
  before: (call) => countMessages(call.context.tokens, call.project, [call.body]),
  async write({ tx, project, ids, body }) {
    await checkFiles(tx, project, filesOfMessages([body]));
    const created = await db.createMessage(tx, project, ids.thread_id, body);
    return { object: created.message, deliveries: created.deliveries };
  },
});
