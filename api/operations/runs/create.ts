import { getAssistantRow } from '../../../db/threads/assistants.ts';
import { checkFiles } from '../../../db/files/files.ts';
import { admitRun } from '../../../db/runs/admit-run.ts';
import * as db from '../../../db/runs/create-run.ts';
import { run } from '../../../wire/answers.ts';
import { filesOfMessages } from '../../../wire/requests/file-ids.ts';
import { includeQuery } from '../../../wire/requests/queries.ts';
import { createRunSchema } from '../../../wire/requests/runs.ts';
import { operation } from '../../operation.ts';
import { countMessages, newMessage } from '../threads/new-thread.ts';
import { limitsOf } from '../../limits/owners.ts';
import { acceptedRun, newRun, streamIfAsked } from './new-run.ts';

export const createRun = operation({
  route: 'POST /threads/{thread_id}/runs',
  rateClass: 'run',
  query: includeQuery,
  body: createRunSchema.transform(({ additional_messages, ...params }) => ({
    ...params,
    messages: additional_messages.map(newMessage),
  })),
  answer: run,
  idempotent: true,
  before: (call) => countMessages(call, call.body.messages),
  polled: () => true,
  async write({ context, tx, caller, project, ids, body }) {
    await admitRun(tx, limitsOf(context.config, caller, 'runs_at_once'));
    const assistant = await getAssistantRow(tx, project, body.assistant_id);
    const settings = newRun(context.config, assistant, body);
    await checkFiles(tx, project, filesOfMessages(body.messages));
    const owners = { projectId: project, keyId: caller.key, threadId: ids.thread_id, assistant };
    return acceptedRun(await db.createRun(tx, owners, body.messages, settings));
  },
  stream: (call, beforeSeq) => streamIfAsked(call, beforeSeq),
});
