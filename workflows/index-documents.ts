/** Started by the reconciler when documents have words of earlier rules: goes over them once, oldest first. */
import {
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type { IndexInput } from './signals.ts';
import { ingestTaskQueue } from './signals.ts';

export async function indexWorkflow(input: IndexInput): Promise<void> {
  const { indexDocuments } = proxyActivities<Activities>({
    taskQueue: ingestTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1h',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '1s', maximumInterval: '1m' },
    summary: `index documents after ${input.after}`,
  });
  let { after } = input;
  while (!workflowInfo().continueAsNewSuggested) {
    const part = await indexDocuments(after);
    if (part.last === null) return;
    after = part.last;
    setCurrentDetails(`${part.left} documents left.`);
  }
  await continueAsNew<typeof indexWorkflow>({ v: 1, after });
}
