/** Names that the API, the worker and the workflow share. A signal's name and argument are a contract: never reuse one. */
import { defineSignal } from '@temporalio/workflow';
import type { RunId } from '../wire/ids.ts';

/** The outputs of this submission (the id of the step that waited) are stored in Postgres. */
export const toolOutputsSubmitted = defineSignal<[submission: string]>('toolOutputsSubmitted');

/** The versioned input of a run's workflow. From 2 on it writes `RunStatus` at every end; 0.1.0 started runs with 1. */
export type RunInput = { v: 1 | 2; runId: RunId; expiresAtMs: number; maxTurns: number };

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
