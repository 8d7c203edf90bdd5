import { checkFiles } from '../../../db/files/files.ts';
import * as db from '../../../db/threads/threads.ts';
import { thread } from '../../../wire/answers.ts';
import { toThread } from '../../../wire/objects.ts';
import { createThreadSchema } from '../../../wire/requests/threads.ts';
import { operation } from '../../operation.ts';
import { countMessages, filesOfThread, newThread } from '../../../db/threads/new-thread.ts';

export const createThread = operation({
  route: 'POST /threads',
  stores: true,
  body: createThreadSchema.transform(newThread),
  answer: thread,
  idempotent: true,
  before: (call) => countMessages(call.context.tokens, call.project, call.body.messages),
  async write({ tx, project, body }) {
    await checkFiles(tx, project, filesOfThread(body));
    const created = await db.createThread(tx, project, body);
    return { object: toThread(created.thread), deliveries: created.deliveries };
  },
});
