import { admitRun } from '../../../db/runs/admit-run.ts';
import { countMessages } from '../../../db/threads/new-thread.ts';
import { requestRun, runBody } from '../../../db/runs/new-run.ts';
import { run } from '../../../wire/answers.ts';
import { includeQuery } from '../../../wire/requests/queries.ts';
import { limitsOf } from '../../limits/owners.ts';
import { operation } from '../../operation.ts';
import { acceptedRun, runSource, streamIfAsked } from './new-run.ts';

export const createRun = operation({
  route: 'POST /threads/{thread_id}/runs',
  stores: true,
  rateClass: 'run',
  query: includeQuery,
  body: runBody,
  answer: run,
  idempotent: true,
  before: (call) => countMessages(call.context.tokens, call.project, call.body.messages),
  polled: () => true,
  async write(call) {
    await admitRun(call.tx, limitsOf(call.context.config, call.caller, 'runs_at_once'));
    const { tx, ids, body } = call;
    return acceptedRun(await requestRun(tx, runSource(call), ids.thread_id, body));
  },
  stream: (call, beforeSeq) => streamIfAsked(call, beforeSeq),
});
