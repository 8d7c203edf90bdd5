/** Started by a schedule: repairs what runs no code, and tidies the database. See activities/reconcile.ts. */
import { ActivityFailure, log, proxyActivities } from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';

const { reconcile } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  retry: { maximumAttempts: 2 },
  summary: 'look for stuck runs',
});

export async function reconcileWorkflow(): Promise<{ repaired: number }> {
  try {
    return await reconcile();
  } catch (error) {
    // An outage: the next pass is seconds away, and a Failed workflow is for what an operator must see.
    if (!(error instanceof ActivityFailure)) throw error;
    log.warn('The pass was given up', { cause: error.cause?.message });
    return { repaired: 0 };
  }
}
