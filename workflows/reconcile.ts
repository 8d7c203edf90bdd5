/** For passes that a schedule of 0.1.0 has started, and for workers of 0.1.0 beside newer ones: worker/schedule.ts. */
import { proxyActivities } from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';

const { reconcile } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  retry: { maximumAttempts: 2 },
});

export async function reconcileWorkflow(): Promise<{ repaired: number }> {
  return reconcile();
}
