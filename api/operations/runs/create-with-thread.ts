import { admitRun } from '../../../db/runs/admit-run.ts';
import { countMessages } from '../../../db/threads/new-thread.ts';
import { requestThreadAndRun, threadAndRunBody } from '../../../db/runs/new-run.ts';
import { run } from '../../../wire/answers.ts';
import { extraIncludeQuery } from '../../../wire/requests/queries.ts';
import { limitsOf } from '../../limits/owners.ts';
import { operation } from '../../operation.ts';
import { acceptedRun, runSource, streamIfAsked } from './new-run.ts';

export const createThreadAndRun = operation({
  route: 'POST /threads/runs',
  stores: true,
  rateClass: 'run',
  query: extraIncludeQuery,
  body: threadAndRunBody,
  answer: run,
  idempotent: true,
  before: ({ context, project, body }) =>
    countMessages(context.tokens, project, body.thread.messages),
  polled: () => true,
  async write(call) {
    await admitRun(call.tx, limitsOf(call.context.config, call.caller, 'runs_at_once'));
    return acceptedRun(await requestThreadAndRun(call.tx, runSource(call), call.body));
  },
  stream: (call, beforeSeq) => streamIfAsked(call, beforeSeq),
});
