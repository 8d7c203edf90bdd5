/** A client asks for the end of a run. */
import { cannotCancel } from '../../wire/errors/errors.ts';
import { toRun } from '../../wire/objects.ts';
import type { Run } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import type { Tx } from '../core/pool.ts';
import { found } from '../core/read-by-id.ts';
import { finalize } from './finalize.ts';
import type { RunPath } from './read-runs.ts';
import { getRun, getRunRow, lockRun } from './read-runs.ts';
import { startCancelling } from './transitions.ts';

/**
 * Marks the run for cancellation. finalizeRun writes the events of the cancellation. A run that waits for its thread ends at once.
 * @throws ApiError 404; 400 when the run is ending or has ended
 */
export async function cancelRun(
  tx: Tx,
  path: RunPath,
): Promise<{ run: Run; deliveries: Delivery[] }> {
  const { waiting, status } = found(await lockRun(tx, path), 'run', path.runId);
  if (waiting && status === 'queued') {
    await finalize(tx, path.runId, { status: 'cancelled' });
    return { run: await getRun(tx, path), deliveries: [] };
  }
  const run = await startCancelling(tx, path);
  if (run === undefined) throw cannotCancel((await getRunRow(tx, path)).status);
  return { run: toRun(run), deliveries: [await enqueueDelivery(tx, run.id, { kind: 'cancel' })] };
}
