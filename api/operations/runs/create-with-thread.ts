import { getAssistantRow } from '../../../db/threads/assistants.ts';
import { checkFiles } from '../../../db/files/files.ts';
import { admitRun } from '../../../db/runs/admit-run.ts';
import { createFirstRun } from '../../../db/runs/create-run.ts';
import { createThread } from '../../../db/threads/threads.ts';
import { run } from '../../../wire/answers.ts';
import { filesOfResources } from '../../../wire/requests/file-ids.ts';
import { extraIncludeQuery } from '../../../wire/requests/queries.ts';
import { createThreadAndRunSchema } from '../../../wire/requests/runs.ts';
import { operation } from '../../operation.ts';
import { countMessages, filesOfThread, newThread } from '../threads/new-thread.ts';
import { limitsOf } from '../../limits/owners.ts';
import { acceptedRun, newRun, streamIfAsked } from './new-run.ts';

export const createThreadAndRun = operation({
  route: 'POST /threads/runs',
  rateClass: 'run',
  query: extraIncludeQuery,
  body: createThreadAndRunSchema.transform(({ thread, ...params }) => ({
    ...params,
    thread: newThread(thread),
  })),
  answer: run,
  idempotent: true,
  before: (call) => countMessages(call, call.body.thread.messages),
  polled: () => true,
  async write({ context, tx, caller, project, body }) {
    await admitRun(tx, limitsOf(context.config, caller, 'runs_at_once'));
    const assistant = await getAssistantRow(tx, project, body.assistant_id);
    const settings = newRun(context.config, assistant, body);
    const named = [...filesOfThread(body.thread), ...filesOfResources(body.tool_resources)];
    await checkFiles(tx, project, named);
    const thread = await createThread(tx, project, body.thread);
    const messageCount = body.thread.messages.length;
    const owners = { projectId: project, keyId: caller.key, assistant, messageCount };
    return acceptedRun(await createFirstRun(tx, owners, thread, settings));
  },
  stream: (call, beforeSeq) => streamIfAsked(call, beforeSeq),
});
