import * as db from '../../../db/runs/modify-run.ts';
import { run } from '../../../wire/answers.ts';
import { modifyRunSchema } from '../../../wire/requests/runs.ts';
import { operation } from '../../operation.ts';
import { runPath } from './run-path.ts';

export const modifyRun = operation({
  route: 'POST /threads/{thread_id}/runs/{run_id}',
  body: modifyRunSchema,
  answer: run,
  async write(call) {
    return { object: await db.modifyRun(call.tx, runPath(call), call.body.metadata) };
  },
});
