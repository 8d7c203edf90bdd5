import * as db from '../../../db/runs/modify-run.ts';
import { run } from '../../../wire/answers.ts';
import { modifyRunSchema, parseModifyRun } from '../../../wire/requests/runs.ts';
import { operation } from '../../operation.ts';

export const modifyRun = operation({
  route: 'POST /threads/{thread_id}/runs/{run_id}',
  body: { schema: modifyRunSchema, parse: parseModifyRun },
  answer: run,
  async write({ tx, project, ids, body: { metadata } }) {
    return {
      object: await db.modifyRun(
        tx,
        { projectId: project, threadId: ids.thread_id, runId: ids.run_id },
        metadata,
      ),
    };
  },
});
