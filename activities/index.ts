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

export type { BatchStep } from './batches/advance-batch.ts';
export type { FiringResult } from './batches/fire-schedule.ts';
export type { ActivityDependencies } from './dependencies.ts';
export type { IngestEndReason } from '../db/vector-stores/documents.ts';
export type { FinalizeResult, RunEndReason } from '../db/runs/finalize.ts';
export type { RunToolResult } from '../db/turns/tool-calls.ts';
export type { TurnResult } from '../db/turns/finish-turn.ts';
export type { Handed } from './turn/handed-turn.ts';

export type { Crowded } from './slot-shares.ts';
export type { Held } from './turn/model-turn.ts';
export type { IngestResult } from './ingest/ingest-file.ts';

export type Activities = {
  /**
   * One answer of the model, streamed and stored; or its request is stored for a batch at the model server. `knows`: the
   * workflow knows the result `crowded`.
   */
  modelTurn(
    runId: RunId,
    turn: number,
    knows?: boolean,
  ): Promise<TurnResult | Held | Handed | Crowded>;
  /** One built-in tool call. */
  runTool(runId: RunId, callId: string, knows?: boolean): Promise<RunToolResult | Crowded>;
  /** The end of a run that no model turn wrote. */
  finalizeRun(runId: RunId, reason: RunEndReason): Promise<FinalizeResult>;
  /** Of 0.1.0: workflows/reconcile.ts. */
  reconcile(): Promise<{ repaired: number }>;
  /** The end of an ingest that failed or was cancelled. Its name is in histories. */
  settleFile(seq: number, reason: IngestEndReason): Promise<IngestResult>;
} & BatchActivities &
  IngestActivities &
  WebhookActivities;

type BatchActivities = {
  /** Reads the input file of a batch. */
  validateBatch(batchId: BatchId): Promise<void>;
  /** Starts lines as far as there is room, or ends them, and says what is next. */
  advanceBatch(batchId: BatchId): Promise<BatchStep>;
  /** Asks a model server for the answer of a line that has no run. */
  passLine(batchId: BatchId, line: number): Promise<PassResult>;
  /** One step of the batches of a model at its server, and the ms until the next one; null: there is nothing to do. */
  advanceUpstream(model: string): Promise<number | null>;
  /** What an operator asked for in the Temporal UI. */
  changeBatch(batchId: BatchId, change: OperatorChange): Promise<void>;
  /** Writes the files of a batch and ends it. */
  finalizeBatch(batchId: BatchId): Promise<void>;
  /** Makes the batch that a schedule is for. `firing`: id of the workflow that asks. */
  fireSchedule(scheduleId: ScheduleId, firing: string): Promise<FiringResult>;
};

/** On a queue of their own. */
export type IngestActivities = {
  /** From a file to stored chunks, and to its end where nothing needs embedding. */
  cutFile(seq: number): Promise<IngestResult>;
  /** Vectors of some chunks; the last part ends the ingest. */
  embedSlice(seq: number, slice: number): Promise<IngestResult>;
  /** Vectors of documents that were stored without. */
  embedDocuments(after: number): Promise<EmbeddedPart>;
  /** Words of documents that were indexed by earlier rules. */
  indexDocuments(after: number): Promise<IndexedPart>;
};

/** On a queue of their own. */
type WebhookActivities = {
  /** One attempt to deliver an event, and the ms until the next one; null: there is none. */
  sendWebhook(deliveryId: WebhookDeliveryId, round: number): Promise<number | null>;
};

/** Takes turns with the projects. */
const MAINTENANCE = '';

export function createActivities(
  deps: ActivityDependencies,
): Omit<Activities, keyof IngestActivities | 'passLine' | 'sendWebhook'> {
  return {
    ...createTurnActivities(deps, 'shared'),
    // Of steps that an earlier version has put into this queue.
    ...createFileActivities(deps),
    finalizeRun: async (runId, reason) => {
      const ended = await ofRun(deps.pool, runId, () => finalizeRun(deps.pool, runId, reason));
      return reportFailed(deps, runId, ended);
    },
    advanceBatch: (id) => ofBatch(deps.pool, id, () => advanceBatch(deps, id)),
    advanceUpstream: (model) => advanceUpstream(deps, model),
    changeBatch: (id, change) => ofBatch(deps.pool, id, () => changeBatch(deps, id, change)),
    fireSchedule: (id, firing) => ofSchedule(deps.pool, id, () => fireSchedule(deps, id, firing)),
    reconcile: () => Promise.resolve({ repaired: 0 }),
    settleFile: async (seq, reason) => ({
      kind: 'ended',
      status: await ofIngest(deps.pool, seq, () => endIngest(deps.pool, seq, reason)),
    }),
  };
}

/** Whose slots they have: only those of runs that are not of a batch are shared out to projects. */
type Slots = 'shared' | 'crowded' | 'lines';

export function createTurnActivities(
  deps: ActivityDependencies,
  slots: Slots,
): Pick<Activities, 'modelTurn' | 'runTool'> {
  const place = (knows?: boolean) => ({
    mayMove: slots === 'shared' && knows === true,
    isLine: slots === 'lines',
  });
  return {
    modelTurn: async (runId, turn, knows) =>
      reportFailed(deps, runId, await modelTurn(deps, { runId, turn, ...place(knows) })),
    runTool: (runId, callId, knows) =>
      runTool(deps, { runId, callId: callId as ToolCallId, ...place(knows) }),
  };
}

type FileActivities = Pick<Activities, 'validateBatch' | 'finalizeBatch'>;

function createFileActivities(deps: ActivityDependencies): FileActivities {
  return {
    validateBatch: (id) => ofBatch(deps.pool, id, () => validateBatch(deps, id)),
    finalizeBatch: (id) => ofBatch(deps.pool, id, () => finalizeBatch(deps, id)),
  };
}

/** Those of batches that have their own queue. */
export function createLineActivities(
  deps: ActivityDependencies,
): Pick<Activities, 'modelTurn' | 'runTool' | 'passLine'> {
  return {
    ...createTurnActivities(deps, 'lines'),
    passLine: (id, line) => ofBatch(deps.pool, id, () => passLine(deps, id, line)),
  };
}

/** With those of the files of batches, which are long too. */
export function createIngestActivities(
  deps: ActivityDependencies,
): IngestActivities & FileActivities {
  const maintain = <T>(work: (signal: AbortSignal) => Promise<T>) =>
    beating((signal) => deps.ingests.places.hold(MAINTENANCE, signal, () => work(signal)));
  return {
    ...createFileActivities(deps),
    cutFile: (seq) => ofIngest(deps.pool, seq, () => cutFile(deps, seq)),
    embedSlice: (seq, slice) => ofIngest(deps.pool, seq, () => embedSlice(deps, seq, slice)),
    embedDocuments: (after) => maintain((signal) => embedDocuments(deps, after, signal)),
    indexDocuments: (after) => maintain((signal) => indexDocuments(deps, after, signal)),
  };
}

export function createWebhookActivities(deps: ActivityDependencies): WebhookActivities {
  const slots = new SlotShares(WEBHOOK_SLOTS);
  return {
    sendWebhook: (deliveryId, round) =>
      ofWebhook(deps.pool, deliveryId, () => sendWebhook(deps, slots, { deliveryId, round })),
  };
}
