/**
 * A batch, from its input file to its output file. PostgreSQL holds its status and lines; each step asks there what is
 * next, so a workflow that is started again goes on. History holds ids and numbers, and does not grow with the lines.
 * Changes here must replay old histories: test/workflows has them.
 */
import {
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities, BatchStep } from '../activities/index.ts';
import type { BatchStatus } from '../wire/types.ts';
import type { BatchInput } from './signals.ts';
import {
  ingestTaskQueue,
  pauseBatch,
  resumeBatch,
  setPriority,
  setWindow,
  wakeBatch,
} from './signals.ts';

/** Events after which the next step begins a new history. */
const LONG_HISTORY = 4_000;

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** Steps are short. One that is lost with its worker is missed after the heartbeat timeout. */
const { advanceBatch, changeBatch } = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '10s',
  retry: RETRY,
});

/** They may take minutes, and leave the slots of runs free, whose lines may in turn take all of theirs. */
const ofFiles = () =>
  proxyActivities<Activities>({
    taskQueue: ingestTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '6h',
    heartbeatTimeout: '10s',
    retry: RETRY,
  });

export type BatchResult = { status: BatchStatus | 'deleted' };

type Waiting = Extract<BatchStep, { kind: 'wait' }>;
type Change = Parameters<Activities['changeBatch']>[1];

/** A cancel of the workflow cancels the batch, whose files are then still to be written. */
export async function batchWorkflow(input: BatchInput): Promise<BatchResult> {
  const root = CancellationScope.current();
  const result = await CancellationScope.nonCancellable(() => advance(input, root));
  if (root.consideredCancelled && result.status === 'cancelled') {
    throw new CancelledFailure('The batch was cancelled.');
  }
  return result;
}

async function advance(input: BatchInput, root: CancellationScope): Promise<BatchResult> {
  const { batchId } = input;
  const inbox = listen(root);
  const { validateBatch, finalizeBatch } = ofFiles();
  for (;;) {
    inbox.woken = false;
    for (const change of inbox.changes.splice(0)) await changeBatch(batchId, change);
    const step = await advanceBatch(batchId);
    if (step.kind === 'ended') return { status: step.status };
    if (step.kind === 'validate') await validateBatch(batchId);
    else if (step.kind === 'finalize') await finalizeBatch(batchId);
    else await wait(step, () => inbox.woken || inbox.changes.length > 0);
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    const isLong = continueAsNewSuggested || historyLength > LONG_HISTORY;
    if (isLong && inbox.changes.length === 0) await continueAsNew<typeof batchWorkflow>(input);
  }
}

async function wait(step: Waiting, woken: () => boolean): Promise<void> {
  const { ms, counts, paused, reason = 'requested', window, narrowed } = step;
  const lines = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  const overloaded = narrowed ? `The model server is overloaded: the window is ${window}. ` : '';
  setCurrentDetails(
    `${paused ? `Paused (${reason}). ` : ''}${overloaded}Lines: ${lines.join(', ')}.`,
  );
  if (ms > 0) await condition(woken, ms, { summary: 'lines, or a change' });
}

type Inbox = { woken: boolean; changes: Change[] };

/** What an operator asks for reaches PostgreSQL with the next step. */
function listen(root: CancellationScope): Inbox {
  const inbox: Inbox = { woken: false, changes: [] };
  const add = (change: Change) => void inbox.changes.push(change);
  setHandler(wakeBatch, () => void (inbox.woken = true));
  setHandler(pauseBatch, () => add({ paused: true }));
  setHandler(resumeBatch, () => add({ paused: false }));
  setHandler(setWindow, (window) => add({ window }));
  setHandler(setPriority, (priority) => add({ priority }));
  root.cancelRequested.catch(() => add('cancel'));
  return inbox;
}
