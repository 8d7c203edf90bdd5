import * as db from '../../../db/runs/submit-outputs.ts';
import { run } from '../../../wire/answers.ts';
import { extraIncludeQuery } from '../../../wire/requests/queries.ts';
import { parseSubmitToolOutputs, submitToolOutputsSchema } from '../../../wire/requests/runs.ts';
import { operation } from '../../operation.ts';
import { acceptedRun, streamIfAsked } from './new-run.ts';

/** Decided in Postgres, then signalled: no worker is needed to accept or refuse outputs. The id is spelt as published. */
export const submitToolOutputs = operation({
  route: 'POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs',
  query: extraIncludeQuery,
  body: { schema: submitToolOutputsSchema, parse: parseSubmitToolOutputs },
  answer: run,
  idempotent: true,
  polled: () => true,
  async write({ tx, project, ids: { thread_id, run_id }, body: { tool_outputs } }) {
    return acceptedRun(
      await db.submitToolOutputs(
        tx,
        { projectId: project, threadId: thread_id, runId: run_id },
        tool_outputs,
      ),
    );
  },
  stream: (call, beforeSeq) => streamIfAsked(call, beforeSeq),
});
