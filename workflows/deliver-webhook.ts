/** Delivers one event to one endpoint: attempts, and timers between them. The activity decides and PostgreSQL has the result. */
import { proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type { WebhookInput } from './signals.ts';
import { webhookTaskQueue } from './signals.ts';

export async function deliverWebhookWorkflow({ deliveryId, round }: WebhookInput) {
  const { sendWebhook } = proxyActivities<Activities>({
    taskQueue: webhookTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1 minute',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
  });
  for (;;) {
    const wait = await sendWebhook(deliveryId, round);
    if (wait === null) return;
    await sleep(wait);
  }
}
