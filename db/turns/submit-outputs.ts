/** The outputs of the functions that a run waits for. */
import {
  duplicateToolOutputs,
  runDoesNotAcceptOutputs,
  toolOutputsMismatch,
} from '../../wire/errors/errors.ts';
import { runEvent, stepEvent } from '../../wire/events.ts';
import { toRun } from '../../wire/objects.ts';
import type { RunStatus } from '../../wire/types.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { found } from '../core/read-by-id.ts';
import type { Tx } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import type { AcceptedRun } from '../runs/create-run.ts';
import type { RunPath } from '../runs/read-runs.ts';
import { lockRun } from '../runs/read-runs.ts';
import { completeFunctionStep } from '../runs/run-steps.ts';
import { resumeRun } from '../runs/transitions.ts';

export type ToolOutput = { tool_call_id: string; output: string };

/**
 * Stores the outputs of every pending function call and queues the run again.
 * @throws ApiError 404; 400 in the wrong status or when the ids are not exactly the pending ones, each once
 */
export async function submitToolOutputs(
  tx: Tx,
  path: RunPath,
  outputs: ToolOutput[],
): Promise<AcceptedRun> {
  const { runId } = path;
  const locked = found(await lockRun(tx, path), 'run', runId);
  if (locked.status !== 'requires_action') throw runDoesNotAcceptOutputs(locked.status);
  const expected =
    locked.required_action?.submit_tool_outputs.tool_calls.map((call) => call.id) ?? [];
  const submitted = outputs.map((output) => output.tool_call_id);
  if (new Set(submitted).size < submitted.length) throw duplicateToolOutputs(submitted);
  if (!sameIds(expected, submitted)) throw toolOutputsMismatch(expected, submitted);
  const step = await completeFunctionStep(tx, runId, outputs);
  const run = await resumeRun(tx, runId);
  // Past its deadline: the workflow's timer is about to say so.
  if (run === undefined) throw runDoesNotAcceptOutputs('expired' satisfies RunStatus);
  const first = await appendEvents(tx, runId, [stepEvent(step, run), runEvent(run)]);
  const delivery = await enqueueDelivery(tx, runId, { kind: 'signal', submission: step.id });
  return { run: toRun(run), deliveries: [delivery], beforeSeq: first - 1 };
}

function sameIds(expected: string[], submitted: string[]): boolean {
  return expected.length === submitted.length && expected.every((id) => submitted.includes(id));
}
