/** A client asks for the end of a run. */
import { cannotCancel } from '../../wire/errors/errors.ts';
import { toRun } from '../../wire/objects.ts';
import type { Run } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import type { Tx } from '../core/pool.ts';
import type { RunPath } from './read-runs.ts';
import { getRunRow } from './read-runs.ts';
import { startCancelling } from './transitions.ts';

/**
 * Marks the run for cancellation. finalizeRun writes the events of the cancellation.
 * @throws ApiError 404; 400 when the run is ending or has ended
 */
export async function cancelRun(tx: Tx, path: RunPath): Promise<{ run: Run; delivery: Delivery }> {
  const run = await startCancelling(tx, path);
  if (run === undefined) throw cannotCancel((await getRunRow(tx, path)).status);
  return { run: toRun(run), delivery: await enqueueDelivery(tx, run.id, { kind: 'cancel' }) };
}
