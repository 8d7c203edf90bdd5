/** Started by the reconciler when documents lack vectors of the configured model: goes over them once, oldest first. */
import {
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type { EmbedInput } from './signals.ts';
import { ingestTaskQueue } from './signals.ts';

/** Documents that failed are tried again this much later: the next pass begins when this workflow has ended. */
const PAUSE_AFTER_FAILURES = '10m';

export async function embedWorkflow(input: EmbedInput): Promise<void> {
  const { embedDocuments } = proxyActivities<Activities>({
    taskQueue: ingestTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '1h',
    heartbeatTimeout: '10s',
    retry: { initialInterval: '1s', maximumInterval: '1m' },
    summary: `embed documents after ${input.after}`,
  });
  let { after, failed } = input;
  while (!workflowInfo().continueAsNewSuggested) {
    const part = await embedDocuments(after);
    failed += part.failed;
    if (part.last === null) {
      if (failed > 0) {
        await sleep(PAUSE_AFTER_FAILURES, { summary: 'failed documents are tried again' });
      }
      return;
    }
    after = part.last;
    setCurrentDetails(`${part.left} documents left, ${failed} failed.`);
  }
  await continueAsNew<typeof embedWorkflow>({ v: 1, after, failed });
}
