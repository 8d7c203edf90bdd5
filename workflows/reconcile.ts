/** Started by a schedule: repairs what runs no code, and tidies the database. See activities/reconcile.ts. */
import { proxyActivities } from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';

const { reconcile } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  retry: { maximumAttempts: 2 },
  summary: 'look for stuck runs',
});

export async function reconcileWorkflow(): Promise<{ repaired: number }> {
  return reconcile();
}
