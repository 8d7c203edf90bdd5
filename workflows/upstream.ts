/**
 * The batches that a model has at its server, as long as there are any. PostgreSQL holds them; each step asks there what is
 * due, so a workflow that is started again goes on. Changes here must replay old histories: test/workflows has them.
 */
import {
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type { UpstreamInput } from './signals.ts';
import { wakeBatch } from './signals.ts';

/** Events after which the next step begins a new history. */
const LONG_HISTORY = 4_000;

const { advanceUpstream } = proxyActivities<Activities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

export async function upstreamWorkflow(input: UpstreamInput): Promise<void> {
  let woken = false;
  setHandler(wakeBatch, () => void (woken = true));
  for (;;) {
    woken = false;
    const ms = await advanceUpstream(input.model);
    // A turn that was stored behind the step has woken it.
    if (ms === null && !woken) return;
    if (ms !== null && ms > 0) await condition(() => woken, ms, { summary: 'turns, or a look' });
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    if (continueAsNewSuggested || historyLength > LONG_HISTORY) {
      await continueAsNew<typeof upstreamWorkflow>(input);
    }
  }
}
