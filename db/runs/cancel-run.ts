/** A client asks for the end of a run. */
import { cannotCancel } from '../../wire/errors.ts';
import { toRun } from '../../wire/objects.ts';
import type { RunRow } from '../../wire/rows.ts';
import { TRANSITIONS } from '../../wire/run-status.ts';
import type { Run } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { CONTROL_CHANNEL } from '../events/run-control.ts';
import { RUN_COLUMNS, getRunRow } from './read-runs.ts';

/**
 * Marks the run for cancellation, and wakes the worker that may be streaming it. finalizeRun writes the
 * events of the cancellation.
 * @throws ApiError 404; 400 when the run is ending or has ended
 */
export async function cancelRun(
  tx: Tx,
  projectId: string,
  threadId: string,
  runId: string,
): Promise<{ run: Run; delivery: Delivery }> {
  const rows = await query<RunRow>(
    tx,
    'runs.cancel',
    `update runs set status = 'cancelling', updated_at = clock_timestamp()
     where id = $1 and thread_id = $2 and project_id = $3 and status = any($4::text[])
     returning ${RUN_COLUMNS}, pg_notify('${CONTROL_CHANNEL}', $1)`,
    [runId, threadId, projectId, TRANSITIONS.cancelling],
  );
  const run = rows[0];
  if (run === undefined) {
    throw cannotCancel((await getRunRow(tx, projectId, threadId, runId)).status);
  }
  return { run: toRun(run), delivery: await enqueueDelivery(tx, runId, { kind: 'cancel' }) };
}
