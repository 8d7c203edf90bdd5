/** One firing of a schedule: makes its batch, whose own workflow goes on from there. */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';

import type { Activities, FiringResult } from '../activities/index.ts';
import type { ScheduledBatchInput } from './signals.ts';

const { fireSchedule } = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** Its id names the schedule and the time, so that an attempt that is repeated finds the batch of the first. */
export async function scheduledBatchWorkflow(input: ScheduledBatchInput): Promise<FiringResult> {
  return fireSchedule(input.scheduleId, workflowInfo().workflowId);
}
