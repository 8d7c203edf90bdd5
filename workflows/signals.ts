/** Names that the API, the worker and the workflow share. A signal's name and argument are a contract: never reuse one. */
import { defineSignal } from '@temporalio/workflow';
import type { BatchId, RunId, ScheduleId, WebhookDeliveryId } from '../wire/ids.ts';

/** The turn that waited for a batch at its model server has its answer, or is to be asked directly. */
export const turnAnswered = defineSignal<[turn: number]>('turnAnswered');

/** The outputs of this submission (the id of the step that waited) are stored in Postgres. */
export const toolOutputsSubmitted = defineSignal<[submission: string]>('toolOutputsSubmitted');

/**
 * The versioned input of a run's workflow. From 2 on it writes `RunStatus` at every end; 0.1.0 started runs with 1.
 * `batched`: the turns and tool calls of the run have the slots of batches.
 */
export type RunInput = {
  v: 1 | 2;
  runId: RunId;
  expiresAtMs: number;
  maxTurns: number;
  batched?: true;
};

/** Turns and tool calls of batches have their own queue and slots: those of other runs do not wait behind them. */
export function batchTaskQueue(taskQueue: string): string {
  return `${taskQueue}-batch`;
}

/** What a worker has no slot for in its project's share waits here (activities/slot-shares.ts). */
export function crowdedTaskQueue(taskQueue: string): string {
  return `${taskQueue}-crowded`;
}

/** Webhooks have their own queue and slots: their receivers may be slow. */
export function webhookTaskQueue(taskQueue: string): string {
  return `${taskQueue}-webhooks`;
}

/** The versioned input of the workflow that delivers an event to an endpoint. `round`: grows with each replay. */
export type WebhookInput = { v: 1; deliveryId: WebhookDeliveryId; round: number };

/** The versioned input of a batch's workflow. */
export type BatchInput = { v: 1; batchId: BatchId };

/** The versioned input of the workflow that makes batches at the server of a model. */
export type UpstreamInput = { v: 1; model: string };

/** One of them per task queue and model. */
export function upstreamWorkflowId(taskQueue: string, model: string): string {
  return `${taskQueue}-upstream:${model}`;
}

/** The versioned input of the workflow of a line that has no run. */
export type PassLineInput = { v: 1; batchId: BatchId; line: number; expiresAtMs: number };

/** The versioned input of the workflow that a schedule starts. */
export type ScheduledBatchInput = { v: 1; scheduleId: ScheduleId };

/** Something has changed that the batch waits for: PostgreSQL says what. */
export const wakeBatch = defineSignal('wake');

/** To a run or line of a batch: the batch is not paused any more. */
export const batchResumed = defineSignal('batchResumed');

/** For an operator in the Temporal UI. They do what the API does. */
export const pauseBatch = defineSignal('pause');
export const resumeBatch = defineSignal('resume');
export const setWindow = defineSignal<[lines: number]>('setWindow');
export const setPriority = defineSignal<[priority: number]>('setPriority');

/** Activities of ingests have their own queue and few slots, so that thousands of files leave the others to runs. */
export function ingestTaskQueue(taskQueue: string): string {
  return `${taskQueue}-ingest`;
}

/** The versioned input of an ingest's workflow: the row's seq. */
export type IngestInput = { v: 1; seq: number };

/** The versioned input of the workflow that embeds what is stored: documents up to `after` were looked at. */
export type EmbedInput = { v: 1; after: number; failed: number };

/** One of them per task queue. */
export function embedWorkflowId(taskQueue: string): string {
  return `${taskQueue}-embed-documents`;
}

/** The versioned input of the workflow that indexes words by new rules: documents up to `after` were looked at. */
export type IndexInput = { v: 1; after: number };

/** One of them per task queue. */
export function indexWorkflowId(taskQueue: string): string {
  return `${taskQueue}-index-documents`;
}
