import { checkFiles } from '../../../db/files/files.ts';
import * as db from '../../../db/threads/threads.ts';
import { thread } from '../../../wire/answers.ts';
import { filesOfResources } from '../../../wire/requests/file-ids.ts';
import { modifyThreadSchema } from '../../../wire/requests/threads.ts';
import { operation } from '../../operation.ts';

export const modifyThread = operation({
  route: 'POST /threads/{thread_id}',
  body: modifyThreadSchema,
  answer: thread,
  async write({ tx, project, ids, body }) {
    await checkFiles(tx, project, filesOfResources(body.tool_resources));
    return { object: await db.modifyThread(tx, project, ids.thread_id, body) };
  },
});
