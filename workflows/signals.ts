/** Names that the API, the worker and the workflow share. A signal's name and argument are a contract: never reuse one. */
import { defineSignal } from '@temporalio/workflow';

/** The outputs of this submission (the id of the step that waited) are stored in Postgres. */
export const toolOutputsSubmitted = defineSignal<[submission: string]>('toolOutputsSubmitted');

/** One workflow per run, under the run's own id, so that a repeated start changes nothing. */
export function runWorkflowId(runId: string): string {
  return runId;
}

/** The versioned input of a run's workflow. */
export type RunInput = { v: 1; runId: string; expiresAtMs: number; maxTurns: number };
