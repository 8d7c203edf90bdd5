/** A client asks for the end of a run. */
import { cannotCancel } from '../../wire/errors.ts';
import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import { toRun } from '../../wire/objects.ts';
import type { Run } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import type { Tx } from '../core/pool.ts';
import { getRunRow } from './read-runs.ts';
import { startCancelling } from './transitions.ts';

/**
 * Marks the run for cancellation. finalizeRun writes the events of the cancellation.
 * @throws ApiError 404; 400 when the run is ending or has ended
 */
export async function cancelRun(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
  runId: RunId,
): Promise<{ run: Run; delivery: Delivery }> {
  const run = await startCancelling(tx, { projectId, threadId, runId });
  if (run === undefined) {
    throw cannotCancel((await getRunRow(tx, projectId, threadId, runId)).status);
  }
  return { run: toRun(run), delivery: await enqueueDelivery(tx, runId, { kind: 'cancel' }) };
}
