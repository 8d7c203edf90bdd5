import * as db from '../../../db/turns/submit-outputs.ts';
import { run } from '../../../wire/answers.ts';
import { extraIncludeQuery } from '../../../wire/requests/queries.ts';
import { submitToolOutputsSchema } from '../../../wire/requests/runs.ts';
import { operation } from '../../operation.ts';
import { acceptedRun, streamIfAsked } from './new-run.ts';
import { runPath } from './run-path.ts';

/** Decided in Postgres, then signalled: no worker is needed to accept or refuse outputs. The id is spelt as published. */
export const submitToolOutputs = operation({
  route: 'POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs',
  query: extraIncludeQuery,
  body: submitToolOutputsSchema,
  answer: run,
  idempotent: true,
  polled: () => true,
  async write(call) {
    const { tool_outputs: outputs } = call.body;
    return acceptedRun(await db.submitToolOutputs(call.tx, runPath(call), outputs));
  },
  stream: (call, beforeSeq) => streamIfAsked(call, beforeSeq),
});
