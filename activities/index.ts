/** The activities that the worker registers. Their arguments and results are ids and kinds: content stays in Postgres. */
import type { BatchId, RunId, ScheduleId, ToolCallId, WebhookDeliveryId } from '../wire/ids.ts';
import type { IngestEndReason } from '../db/vector-stores/documents.ts';
import { endIngest } from '../db/vector-stores/documents.ts';
import type { FinalizeResult, RunEndReason } from '../db/runs/finalize.ts';
import { finalizeRun } from '../db/runs/finalize.ts';
import type { RunToolResult } from '../db/turns/tool-calls.ts';
import type { TurnResult } from '../db/turns/finish-turn.ts';
import type { BatchStep } from './batches/advance-batch.ts';
import { advanceBatch } from './batches/advance-batch.ts';
import type { OperatorChange } from './batches/change-batch.ts';
import { changeBatch } from './batches/change-batch.ts';
import { finalizeBatch } from './batches/finalize-batch.ts';
import type { FiringResult } from './batches/fire-schedule.ts';
import { fireSchedule } from './batches/fire-schedule.ts';
import type { PassResult } from './batches/pass-line.ts';
import { passLine } from './batches/pass-line.ts';
import { validateBatch } from './batches/validate-batch.ts';
import { ofBatch, ofIngest, ofRun, ofSchedule, ofWebhook } from '../db/projects/project-of.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { EmbeddedPart } from './ingest/embed-chunks.ts';
import { embedDocuments } from './ingest/embed-chunks.ts';
import type { IndexedPart } from './ingest/index-words.ts';
import { indexDocuments } from './ingest/index-words.ts';
import type { IngestResult } from './ingest/ingest-file.ts';
import { beating, cutFile, embedSlice } from './ingest/ingest-file.ts';
import type { Handed } from './turn/handed-turn.ts';
import type { Held } from './turn/model-turn.ts';
import { modelTurn } from './turn/model-turn.ts';
import { reportFailed } from './report-failed.ts';
import { runTool } from './run-tool.ts';
import { sendWebhook, WEBHOOK_SLOTS } from './send-webhook.ts';
import type { Crowded } from './slot-shares.ts';
import { SlotShares } from './slot-shares.ts';
import { advanceUpstream } from './upstream/advance-upstream.ts';

export type {
  ActivityDependencies,
  BatchStep,
  Crowded,
  FinalizeResult,
  FiringResult,
  Handed,
  Held,
  IngestEndReason,
  IngestResult,
  RunEndReason,
  RunToolResult,
  TurnResult,
};

/** Everything that a workflow can call. The names and parameters are in histories. */
export type Activities = ReturnType<typeof createActivities> &
  ReturnType<typeof createIngestActivities> &
  ReturnType<typeof createLineActivities> &
  ReturnType<typeof createWebhookActivities>;

/** Takes turns with the projects. */
const MAINTENANCE = '';

export function createActivities(deps: ActivityDependencies) {
  const { pool } = deps;
  return {
    ...createTurnActivities(deps, 'shared'),
    // Of steps that an earlier version has put into this queue.
    ...createFileActivities(deps),
    /** The end of a run that no model turn wrote. */
    finalizeRun: async (runId: RunId, reason: RunEndReason): Promise<FinalizeResult> =>
      reportFailed(deps, runId, await ofRun(pool, runId, () => finalizeRun(pool, runId, reason))),
    /** Starts lines as far as there is room, or ends them, and says what is next. */
    advanceBatch: (id: BatchId): Promise<BatchStep> =>
      ofBatch(pool, id, () => advanceBatch(deps, id)),
    /** One step of the batches of a model at its server, and the ms until the next one; null: there is nothing to do. */
    advanceUpstream: (model: string): Promise<number | null> => advanceUpstream(deps, model),
    /** What an operator asked for in the Temporal UI. */
    changeBatch: (id: BatchId, change: OperatorChange): Promise<void> =>
      ofBatch(pool, id, () => changeBatch(deps, id, change)),
    /** Makes the batch that a schedule is for. `firing`: id of the workflow that asks. */
    fireSchedule: (id: ScheduleId, firing: string): Promise<FiringResult> =>
      ofSchedule(pool, id, () => fireSchedule(deps, id, firing)),
    /** Of 0.1.0: workflows/reconcile.ts. */
    reconcile: (): Promise<{ repaired: number }> => Promise.resolve({ repaired: 0 }),
    /** The end of an ingest that failed or was cancelled. */
    settleFile: async (seq: number, reason: IngestEndReason): Promise<IngestResult> => ({
      kind: 'ended',
      status: await ofIngest(pool, seq, () => endIngest(pool, seq, reason)),
    }),
  };
}

/** Whose slots they have: only those of runs that are not of a batch are shared out to projects. */
type Slots = 'shared' | 'crowded' | 'lines';

export function createTurnActivities(deps: ActivityDependencies, slots: Slots) {
  // `knows`: the workflow knows the result `crowded`.
  const place = (knows?: boolean) => ({
    mayMove: slots === 'shared' && knows === true,
    isLine: slots === 'lines',
  });
  type ModelTurn = TurnResult | Held | Handed | Crowded;
  return {
    /** One answer of the model, streamed and stored; or its request is stored for a batch at the model server. */
    modelTurn: async (runId: RunId, turn: number, knows?: boolean): Promise<ModelTurn> =>
      reportFailed(deps, runId, await modelTurn(deps, { runId, turn, ...place(knows) })),
    /** One built-in tool call. */
    runTool: (runId: RunId, callId: string, knows?: boolean): Promise<RunToolResult | Crowded> =>
      runTool(deps, { runId, callId: callId as ToolCallId, ...place(knows) }),
  };
}

function createFileActivities(deps: ActivityDependencies) {
  return {
    /** Reads the input file of a batch. */
    validateBatch: (id: BatchId): Promise<void> =>
      ofBatch(deps.pool, id, () => validateBatch(deps, id)),
    /** Writes the files of a batch and ends it. */
    finalizeBatch: (id: BatchId): Promise<void> =>
      ofBatch(deps.pool, id, () => finalizeBatch(deps, id)),
  };
}

/** Those of batches that have their own queue. */
export function createLineActivities(deps: ActivityDependencies) {
  return {
    ...createTurnActivities(deps, 'lines'),
    /** Asks a model server for the answer of a line that has no run. */
    passLine: (id: BatchId, line: number): Promise<PassResult> =>
      ofBatch(deps.pool, id, () => passLine(deps, id, line)),
  };
}

/** On a queue of their own, with those of the files of batches, which are long too. */
export function createIngestActivities(deps: ActivityDependencies) {
  const maintain = <T>(work: (signal: AbortSignal) => Promise<T>) =>
    beating((signal) => deps.ingests.places.hold(MAINTENANCE, signal, () => work(signal)));
  return {
    ...createFileActivities(deps),
    /** From a file to stored chunks, and to its end where nothing needs embedding. */
    cutFile: (seq: number): Promise<IngestResult> =>
      ofIngest(deps.pool, seq, () => cutFile(deps, seq)),
    /** Vectors of some chunks; the last part ends the ingest. */
    embedSlice: (seq: number, slice: number): Promise<IngestResult> =>
      ofIngest(deps.pool, seq, () => embedSlice(deps, seq, slice)),
    /** Vectors of documents that were stored without. */
    embedDocuments: (after: number): Promise<EmbeddedPart> =>
      maintain((signal) => embedDocuments(deps, after, signal)),
    /** Words of documents that were indexed by earlier rules. */
    indexDocuments: (after: number): Promise<IndexedPart> =>
      maintain((signal) => indexDocuments(deps, after, signal)),
  };
}

/** On a queue of their own. */
export function createWebhookActivities(deps: ActivityDependencies) {
  const slots = new SlotShares(WEBHOOK_SLOTS);
  return {
    /** One attempt to deliver an event, and the ms until the next one; null: there is none. */
    sendWebhook: (deliveryId: WebhookDeliveryId, round: number): Promise<number | null> =>
      ofWebhook(deps.pool, deliveryId, () => sendWebhook(deps, slots, { deliveryId, round })),
  };
}
