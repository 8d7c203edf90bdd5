import { cancelRun } from '../../../db/runs/cancel-run.ts';
import { findRun } from '../../../db/runs/run-counts.ts';
import { run } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

/** As `cancelRun`, in any project. */
export const cancelAnyRun = operation({
  route: 'POST /threadmill/runs/{run_id}/cancel',
  extension: true,
  audit: 'run.cancelled',
  answer: run,
  async write({ tx, ids: { run_id: id } }) {
    const path = await findRun(tx, id);
    const cancelled = await cancelRun(tx, path);
    const { deliveries } = cancelled;
    return { object: cancelled.run, deliveries, audited: { project: path.projectId } };
  },
});
