import { finalizeRun } from '../../../db/runs/finalize.ts';
import * as db from '../../../db/runs/read-runs.ts';
import { run } from '../../../wire/answers.ts';
import { isActive } from '../../../wire/run-status.ts';
import { operation } from '../../operation.ts';
import { runPath } from './run-path.ts';

/** The workflow's timer ends an overdue run. With no worker up, a request that reads the run does. */
const OVERDUE_SECONDS = 5;

export const getRun = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}',
  answer: run,
  polled: ({ status }) => isActive(status),
  async read(call) {
    const { pool } = call;
    const path = runPath(call);
    const found = await db.getRun(pool, path);
    const overdue =
      isActive(found.status) && (found.expires_at ?? 0) + OVERDUE_SECONDS < Date.now() / 1_000;
    if (!overdue || !(await db.isOverdue(pool, path.runId, OVERDUE_SECONDS))) return found;
    await finalizeRun(pool, path.runId, { status: 'expired' });
    return db.getRun(pool, path);
  },
});
