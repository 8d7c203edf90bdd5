/** Built-in tool calls: an activity reads the call, runs it, and stores its result once. */
import { codeOutputs, runEvent, searchResults, stepEvent } from '../../wire/events.ts';
import type { RunId, StepId, ToolCallId } from '../../wire/ids.ts';
import type {
  FileSearch,
  RunRow,
  RunStepRow,
  ToolCallResult,
  ToolCallRow,
} from '../../wire/rows.ts';
import type { EndColumns } from '../../wire/run-status.ts';
import { DELETED, stopOf } from '../../wire/run-status.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import { endOpenStep, STEP_COLUMNS } from '../runs/run-steps.ts';
import { lockRun } from '../runs/read-runs.ts';
import type { TurnResult } from './finish-turn.ts';
import { pauseRun } from '../runs/transitions.ts';

/** `kind: 'done'` lets the workflow go on once the step's other calls are done too. */
export type RunToolResult = { kind: 'done' } | Exclude<TurnResult, { kind: 'tools' }>;

type CallOfRun = Pick<ToolCallRow, 'id' | 'type' | 'input'> &
  Pick<
    RunRow,
    'thread_id' | 'project_id' | 'tools' | 'model' | 'code_file_ids' | 'vector_store_ids'
  >;

/** `python_in_use`: an attempt holds the lease of the thread's Python. */
export type PendingToolCall = CallOfRun & { python_in_use: boolean };

/** The call to run, or its result when there is nothing left to do. */
export async function readToolCall(
  pool: Pool,
  runId: RunId,
  callId: ToolCallId,
): Promise<{ kind: 'pending'; call: PendingToolCall } | { kind: 'done'; result: RunToolResult }> {
  const rows = await query<PendingToolCall & EndColumns & Pick<ToolCallRow, 'step_id' | 'result'>>(
    pool,
    'tool-calls.read',
    `select c.step_id, c.id, c.type, c.input, c.result, r.status, r.last_error, r.incomplete_reason, r.thread_id, r.project_id, r.tools, r.model,
       r.code_file_ids, r.vector_store_ids,
       exists (select from interpreters i where i.thread_id = r.thread_id and i.lease_until > clock_timestamp()) as python_in_use
     from runs r join tool_calls c on c.run_id = r.id where r.id = $1 and c.id = $2`,
    [runId, callId],
  );
  const row = rows[0];
  if (row === undefined) return { kind: 'done', result: DELETED };
  if (row.status !== 'in_progress' || row.result !== null) {
    return { kind: 'done', result: resultOf(row, row.step_id) };
  }
  return { kind: 'pending', call: row };
}

/** The run has moved on, or the call has its result: there is nothing to store. */
export class StaleCallError extends Error {
  override name = 'StaleCallError';
  readonly result: RunToolResult;

  constructor(callId: ToolCallId, result: RunToolResult) {
    super(`There is nothing to store for call ${callId}: ${result.kind}.`);
    this.result = result;
  }
}

/** Locks the run so that it cannot move on meanwhile. @throws StaleCallError when it has done so already */
export async function lockRunOfCall(
  tx: Tx,
  { runId, callId }: { runId: RunId; callId: ToolCallId },
): Promise<RunRow> {
  const run = await lockRun(tx, { runId });
  if (run === undefined) throw new StaleCallError(callId, DELETED);
  if (run.status !== 'in_progress') throw await staleCall(tx, run, callId);
  return run;
}

async function staleCall(tx: Tx, run: RunRow, callId: ToolCallId): Promise<StaleCallError> {
  return new StaleCallError(callId, resultOf(run, await stepOf(tx, run.id, callId)));
}

/**
 * Stores the result with its delta, once. The last built-in call of the step completes the step, or, when the model also
 * called functions, hands the run to its client. `run` is locked and in progress.
 * @throws StaleCallError when the call has its result
 */
export async function storeToolResult(
  tx: Tx,
  run: RunRow,
  callId: ToolCallId,
  result: ToolCallResult,
): Promise<RunToolResult> {
  const step = await storeResult(tx, run.id, callId, result);
  if (step === undefined) throw await staleCall(tx, run, callId);
  const call = step.tool_calls.find((candidate) => candidate.id === callId)!;
  const events = [
    result.search === undefined
      ? codeOutputs(step.id, call.index, result.outputs ?? [], call.streamed)
      : searchResults(step.id, call.index, result.search.results),
  ];
  const open = step.tool_calls.filter((candidate) => candidate.result === null);
  let next: RunToolResult = { kind: 'done' };
  if (open.length === 0) {
    events.push(stepEvent(await endOpenStep(tx, run.id, 'completed'), run));
  } else if (open.every((candidate) => candidate.type === 'function')) {
    const paused = (await pauseRun(tx, run.id, step.tool_calls))!;
    events.push(runEvent(paused));
    next = resultOf(paused, step.id);
  }
  await appendEvents(tx, run.id, events);
  return next;
}

/** Stores a call that has no effect but its result. @throws as `lockRunOfCall` and `storeToolResult` */
export async function storeSearch(
  pool: Pool,
  ref: { runId: RunId; callId: ToolCallId },
  search: FileSearch,
): Promise<RunToolResult> {
  return withTransaction(pool, async (tx) =>
    storeToolResult(tx, await lockRunOfCall(tx, ref), ref.callId, { search }),
  );
}

async function storeResult(
  tx: Tx,
  runId: RunId,
  callId: ToolCallId,
  result: ToolCallResult,
): Promise<RunStepRow | undefined> {
  const stored = await query<{ step_id: StepId }>(
    tx,
    'tool-calls.store',
    `update tool_calls set result = $3::jsonb where run_id = $1 and id = $2 and result is null returning step_id`,
    [runId, callId, toJson(result)],
  );
  if (stored[0] === undefined) return undefined;
  const rows = await query<RunStepRow>(
    tx,
    'tool-calls.step',
    `select ${STEP_COLUMNS} from run_steps where id = $1`,
    [stored[0].step_id],
  );
  return rows[0];
}

async function stepOf(db: Queryable, runId: RunId, callId: ToolCallId): Promise<string> {
  const rows = await query<{ step_id: StepId }>(
    db,
    'tool-calls.step-of',
    'select step_id from tool_calls where run_id = $1 and id = $2',
    [runId, callId],
  );
  return rows[0]?.step_id ?? '';
}

function resultOf(run: EndColumns, stepId: string): RunToolResult {
  const going: RunToolResult =
    run.status === 'requires_action' ? { kind: 'action', submission: stepId } : { kind: 'done' };
  return stopOf(run) ?? going;
}
