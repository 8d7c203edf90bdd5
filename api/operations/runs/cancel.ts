import * as db from '../../../db/runs/cancel-run.ts';
import { run } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';
import { runPath } from './run-path.ts';

/** Marks the run, wakes its worker by NOTIFY, and cancels its workflow. */
export const cancelRun = operation({
  route: 'POST /threads/{thread_id}/runs/{run_id}/cancel',
  answer: run,
  async write(call) {
    const cancelled = await db.cancelRun(call.tx, runPath(call));
    return { object: cancelled.run, deliveries: cancelled.deliveries };
  },
});
