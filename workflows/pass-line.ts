/** A line of a batch that has no run: one request to a model server, tried again until the batch expires. */
import {
  ActivityFailure,
  isCancellation,
  log,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import { listenForResume } from './hold.ts';
import type { PassLineInput } from './signals.ts';
import { batchTaskQueue } from './signals.ts';

/** PostgreSQL has the answer. A line without one is ended with its batch. */
export async function passLineWorkflow({ batchId, line, expiresAtMs }: PassLineInput) {
  const { passLine } = proxyActivities<Activities>({
    taskQueue: batchTaskQueue(workflowInfo().taskQueue),
    scheduleToCloseTimeout: Math.max(1, expiresAtMs - Date.now()),
    heartbeatTimeout: '10s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
    summary: `line ${line}`,
  });
  const whileHeld = listenForResume();
  try {
    await whileHeld(
      // Before 0.2.0 it had no result.
      async () => (await passLine(batchId, line)) ?? { kind: 'ended' },
      () => Math.max(1, expiresAtMs - Date.now()),
    );
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    log.info('A line has no answer', { batch: batchId, line });
  }
}
