/** Built-in tool calls: an activity reads the call, runs it, and stores its result once. */
import { codeOutputs, runEvent, stepEvent } from '../wire/events.ts';
import type { RunRow, RunStepRow, ToolCallResult, ToolCallRow } from '../wire/rows.ts';
import { isActive, TRANSITIONS } from '../wire/run-status.ts';
import type { RunStatus } from '../wire/types.ts';
import type { Pool, Queryable, Tx } from './pool.ts';
import { query, withTransaction } from './pool.ts';
import { appendEvents } from './run-events.ts';
import { endOpenStep, STEP_COLUMNS } from './run-steps.ts';
import { RUN_COLUMNS } from './runs.ts';
import type { TurnOutcome } from './turns.ts';
import { requiredAction } from './turns.ts';

/** `kind: 'done'` lets the workflow go on once the step's other calls are done too. */
export type ToolOutcome = { kind: 'done' } | Exclude<TurnOutcome, { kind: 'tools' }>;

export type PendingToolCall = Pick<ToolCallRow, 'id' | 'index' | 'type' | 'input'> & {
  threadId: string;
};

/** The call to run, or what became of it when there is nothing left to do. */
export async function readToolCall(
  pool: Pool,
  runId: string,
  callId: string,
): Promise<{ kind: 'pending'; call: PendingToolCall } | { kind: 'settled'; outcome: ToolOutcome }> {
  const rows = await query<ToolCallRow & { status: RunStatus; thread_id: string }>(
    pool,
    'tool-calls.read',
    `select c.step_id, c.index, c.id, c.type, c.name, c.input, c.result, r.status, r.thread_id
     from runs r join tool_calls c on c.run_id = r.id where r.id = $1 and c.id = $2`,
    [runId, callId],
  );
  const row = rows[0];
  if (row === undefined) return { kind: 'settled', outcome: { kind: 'ended', status: 'deleted' } };
  if (row.status !== 'in_progress' || row.result !== null) {
    return { kind: 'settled', outcome: outcomeOf(row.status, row.step_id) };
  }
  return {
    kind: 'pending',
    call: {
      id: row.id,
      index: row.index,
      type: row.type,
      input: row.input,
      threadId: row.thread_id,
    },
  };
}

/**
 * Stores the result with its delta. The last built-in call of the step completes the step, or, when the model also
 * called functions, hands the run to its client.
 */
export async function storeToolResult(
  pool: Pool,
  runId: string,
  callId: string,
  result: Required<Pick<ToolCallResult, 'outputs'>>,
): Promise<ToolOutcome> {
  return withTransaction(pool, async (tx) => {
    const run = await lockRunById(tx, runId);
    if (run === undefined) return { kind: 'ended', status: 'deleted' };
    const step =
      run.status === 'in_progress' ? await storeOnce(tx, runId, callId, result) : undefined;
    if (step === undefined) return outcomeOf(run.status, await stepOf(tx, runId, callId));
    const call = step.tool_calls.find((candidate) => candidate.id === callId)!;
    const events = [codeOutputs(step.id, call.index, result.outputs)];
    const open = step.tool_calls.filter((candidate) => candidate.result === null);
    if (open.length === 0) {
      events.push(stepEvent(await endOpenStep(tx, runId, 'completed'), run));
    } else if (open.every((candidate) => candidate.type === 'function')) {
      const paused = await pauseRun(tx, runId, step);
      events.push(runEvent(paused));
      await appendEvents(tx, runId, events);
      return outcomeOf(paused.status, step.id);
    }
    await appendEvents(tx, runId, events);
    return { kind: 'done' };
  });
}

async function lockRunById(tx: Tx, runId: string): Promise<RunRow | undefined> {
  const rows = await query<RunRow>(
    tx,
    'tool-calls.lock-run',
    `select ${RUN_COLUMNS} from runs where id = $1 for update`,
    [runId],
  );
  return rows[0];
}

async function storeOnce(
  tx: Tx,
  runId: string,
  callId: string,
  result: ToolCallResult,
): Promise<RunStepRow | undefined> {
  const stored = await query<{ step_id: string }>(
    tx,
    'tool-calls.store',
    `update tool_calls set result = $3::jsonb where run_id = $1 and id = $2 and result is null returning step_id`,
    [runId, callId, JSON.stringify(result)],
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

async function pauseRun(tx: Tx, runId: string, step: RunStepRow): Promise<RunRow> {
  const rows = await query<RunRow>(
    tx,
    'tool-calls.pause-run',
    `update runs set status = 'requires_action', required_action = $2::jsonb
     where id = $1 and status = any($3::text[]) returning ${RUN_COLUMNS}`,
    [runId, JSON.stringify(requiredAction(step.tool_calls)), TRANSITIONS.requires_action],
  );
  return rows[0]!;
}

async function stepOf(db: Queryable, runId: string, callId: string): Promise<string> {
  const rows = await query<{ step_id: string }>(
    db,
    'tool-calls.step-of',
    'select step_id from tool_calls where run_id = $1 and id = $2',
    [runId, callId],
  );
  return rows[0]?.step_id ?? '';
}

function outcomeOf(status: RunStatus, stepId: string): ToolOutcome {
  if (status === 'cancelling') return { kind: 'stopped' };
  if (status === 'requires_action') return { kind: 'action', submission: stepId };
  return isActive(status) ? { kind: 'done' } : { kind: 'ended', status };
}
