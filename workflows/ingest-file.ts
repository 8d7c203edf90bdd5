/**
 * A file of a vector store, from in_progress to its end. History holds the row's seq and kinds; text and vectors are in
 * Postgres. Changes here must replay old histories: test/workflows has them.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type { VectorStoreFileError, VectorStoreFileStatus } from '../wire/types.ts';
import type { IngestEvent, IngestState } from './ingest-state.ts';
import { apply, initialState } from './ingest-state.ts';
import type { IngestInput } from './signals.ts';
import { ingestTaskQueue } from './signals.ts';

export async function ingestFileWorkflow(
  input: IngestInput,
): Promise<{ status: VectorStoreFileStatus | 'removed' }> {
  let state: IngestState = initialState;
  while (state.at !== 'ended') state = apply(state, await perform(state, input.seq));
  if (CancellationScope.current().consideredCancelled) {
    throw new CancelledFailure('The file was cancelled.');
  }
  return { status: state.status };
}

async function perform(
  state: Exclude<IngestState, { at: 'ended' }>,
  seq: number,
): Promise<IngestEvent> {
  if (state.at === 'finalizing') {
    return CancellationScope.nonCancellable(() => finalizing().settleFile(seq, state.reason));
  }
  try {
    if (state.at === 'parsing') return await parsing().cutFile(seq);
    if (state.slices > 1) {
      setCurrentDetails(`Embedding: ${state.slice} of ${state.slices} parts done.`);
    }
    return await embedding(state).embedSlice(seq, state.slice);
  } catch (error) {
    return eventOfError(error);
  }
}

const taskQueue = () => ingestTaskQueue(workflowInfo().taskQueue);

/** A parser has its own time limit; this one is for what it cannot see. */
const parsing = () =>
  proxyActivities<Activities>({
    taskQueue: taskQueue(),
    startToCloseTimeout: '2h',
    heartbeatTimeout: '10s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '500ms', maximumInterval: '30s', maximumAttempts: 20 },
    summary: 'parse, cut, store',
  });

/** An endpoint that is away for some minutes, or that limits its rate, is waited for. */
const embedding = ({ slice, slices }: { slice: number; slices: number }) =>
  proxyActivities<Activities>({
    taskQueue: taskQueue(),
    startToCloseTimeout: '1h',
    scheduleToCloseTimeout: '1h',
    heartbeatTimeout: '10s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '500ms', maximumInterval: '30s' },
    summary: `embed part ${slice + 1} of ${slices}`,
  });

/** Not on the ingest queue: an end does not wait behind other files. */
const finalizing = () =>
  proxyActivities<Activities>({
    startToCloseTimeout: '30s',
    retry: { initialInterval: '200ms', maximumInterval: '10s' },
    summary: 'end the ingest',
  });

function eventOfError(error: unknown): IngestEvent {
  if (isCancellation(error)) return { kind: 'cancelled' };
  if (!(error instanceof ActivityFailure)) throw error;
  const cause = error.cause;
  log.info('The ingest fails', { cause: cause instanceof Error ? cause.message : String(cause) });
  return { kind: 'failed', error: lastError(cause) };
}

const CODES = new Set(['server_error', 'unsupported_file', 'invalid_file']);

/** An activity names the wire's code as its failure's type; anything else is a fault of ours or of the worker. */
function lastError(cause: unknown): VectorStoreFileError {
  if (cause instanceof ApplicationFailure && cause.type && CODES.has(cause.type)) {
    return { code: cause.type as VectorStoreFileError['code'], message: cause.message };
  }
  return { code: 'server_error', message: 'Sorry, something went wrong.' };
}
