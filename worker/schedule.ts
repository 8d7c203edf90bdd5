/** The schedule that starts the reconciler. One per namespace and task queue, created by whichever worker comes first. */
import type { Client } from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';

import type { reconcileWorkflow } from '../workflows/reconcile.ts';

export const RECONCILE_EVERY = '30s';

export async function ensureReconcileSchedule(client: Client, taskQueue: string): Promise<void> {
  const scheduleId = `${taskQueue}-reconcile`;
  try {
    await client.schedule.create<typeof reconcileWorkflow>({
      scheduleId,
      spec: { intervals: [{ every: RECONCILE_EVERY }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      action: {
        type: 'startWorkflow',
        workflowType: 'reconcileWorkflow',
        workflowId: scheduleId,
        taskQueue,
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
