/** The baseline's workflow: as many activities and signals as a run of ours, and nothing else. */
import { condition, proxyActivities, setHandler } from '@temporalio/workflow';

import type { BareActivities, BareInput } from './activities.ts';
import { submitted } from './signals.ts';

const { turn } = proxyActivities<BareActivities>({
  startToCloseTimeout: '10m',
  scheduleToCloseTimeout: '10m',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});

export async function bareWorkflow(input: BareInput): Promise<void> {
  let arrived = false;
  setHandler(submitted, () => {
    arrived = true;
  });
  await turn(input, 0);
  if (input.kind === 'plain') return;
  await condition(() => arrived, '10m');
  await turn(input, 1);
}
