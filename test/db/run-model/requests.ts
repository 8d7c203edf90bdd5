/** What clients, tools, deadlines and operators do to a run, in whatever order it reaches the database. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';

import type { RunEndReason } from '../../../db/runs/finalize.ts';
import { finalizeRun } from '../../../db/runs/finalize.ts';
import { withTransaction } from '../../../db/core/pool.ts';
import { cancelRun } from '../../../db/runs/cancel-run.ts';
import { submitToolOutputs } from '../../../db/turns/submit-outputs.ts';
import { deleteThread } from '../../../db/threads/threads.ts';
import type { RunToolResult } from '../../../db/turns/tool-calls.ts';
import { StaleCallError, lockRunOfCall, storeToolResult } from '../../../db/turns/tool-calls.ts';
import type { ToolCallId } from '../../../wire/ids.ts';
import type { RunStatus } from '../../../wire/types.ts';
import type { Step } from './attempts.ts';
import type { Model } from './model.ts';
import { closeOpen, endOf, isOver, moveRun } from './model.ts';

/** A request of a client, and whether it was refused, and how. */
async function statusOf(request: Promise<unknown>): Promise<number> {
  try {
    await request;
    return 200;
  } catch (error) {
    return (error as { status?: number }).status ?? Promise.reject(error as Error);
  }
}

/** Outputs for the calls that wait, for some of them, or for calls of another time. */
export const submit =
  (outputs: 'right' | 'one too few' | 'others'): Step =>
  async (model, { database: { pool, projectId }, threadId, runId }) => {
    const waiting = model.pending.filter(({ type }) => type === 'function').map(({ id }) => id);
    const others = [...model.calls.keys()].slice(0, waiting.length);
    const ids = { right: waiting, 'one too few': waiting.slice(1), others }[outputs];
    const given = ids.map((id) => ({ tool_call_id: id, output: '42' }));
    const status = await statusOf(
      withTransaction(pool, (tx) => submitToolOutputs(tx, { projectId, threadId, runId }, given)),
    );
    if (model.view.status === 'deleted') return strictEqual(status, 404);
    const isRight = ids.length === waiting.length && ids.every((id) => waiting.includes(id));
    const isTaken = model.view.status === 'requires_action' && isRight && !model.overdue;
    strictEqual(status, isTaken ? 200 : 400);
    if (!isTaken) return;
    for (const call of model.view.calls) if (waiting.includes(call.id)) call.done = true;
    model.pending = [];
    closeOpen(model, 'completed', 'completed');
    moveRun(model, 'queued');
    model.view.deliveries.push('signal');
  };

const CANCELLABLE = new Set<string>(['queued', 'in_progress', 'requires_action']);

export const cancel: Step = async (model, { database: { pool, projectId }, threadId, runId }) => {
  const { view } = model;
  const status = await statusOf(
    withTransaction(pool, (tx) => cancelRun(tx, { projectId, threadId, runId })),
  );
  const refusal = view.status === 'deleted' ? 404 : 400;
  strictEqual(status, CANCELLABLE.has(view.status) ? 200 : refusal);
  if (status !== 200) return;
  view.status = 'cancelling';
  view.deliveries.push('cancel');
};

/** The result of a call, which waits for it, has it already, or belongs to a turn that is over. */
export const storeResult =
  (which: number): Step =>
  async (model, { database: { pool }, runId }) => {
    const waiting = model.pending.filter(({ type }) => type === 'code_interpreter');
    const ids = which % 2 === 0 ? waiting.map(({ id }) => id) : [...model.calls.keys()];
    const callId = ids[which % ids.length];
    if (callId === undefined) return 'skipped';
    const isTaken =
      model.view.status === 'in_progress' && model.pending.some(({ id }) => id === callId);
    if (isTaken && waiting.every(({ id }) => id !== callId)) return 'skipped'; // A client's, not a tool's.
    const storing = withTransaction(pool, async (tx) =>
      storeToolResult(tx, await lockRunOfCall(tx, { runId, callId }), callId, { outputs: [] }),
    );
    const [told] = await Promise.allSettled([storing]);
    strictEqual(told.status, isTaken ? 'fulfilled' : 'rejected');
    if (told.status === 'fulfilled') {
      takeResult(model, callId);
      deepStrictEqual(told.value, resultOf(model, callId));
    } else if (!(told.reason instanceof StaleCallError)) throw told.reason;
    else deepStrictEqual(told.reason.result, resultOf(model, callId));
  };

function takeResult(model: Model, callId: ToolCallId): void {
  model.view.calls.find(({ id }) => id === callId)!.done = true;
  model.pending = model.pending.filter(({ id }) => id !== callId);
  model.view.events.push('thread.run.step.delta');
  if (model.pending.length === 0) closeOpen(model, 'completed', 'completed');
  else if (model.pending.every(({ type }) => type === 'function')) {
    moveRun(model, 'requires_action');
  }
}

function resultOf(model: Model, callId: ToolCallId): RunToolResult {
  const { status } = model.view;
  if (status === 'cancelling') return { kind: 'stopped' };
  if (status === 'requires_action') return { kind: 'action', submission: model.calls.get(callId)! };
  return isOver(model) ? endOf(model) : { kind: 'done' };
}

/** The clock passes the deadline; nobody has noticed yet. */
export const passDeadline: Step = async (model, { database, runId }) => {
  await database.pool.query('update runs set expires_at = unix_now() where id = $1', [runId]);
  model.overdue = true;
};

const MESSAGE_ENDS = {
  cancelled: 'incomplete: run_cancelled',
  expired: 'incomplete: run_expired',
  failed: 'incomplete: run_failed',
  incomplete: 'incomplete: max_tokens',
} as const;

/** A workflow, the reconciler or a reader ends the run, perhaps for the second time. */
export const finalize =
  (reason: RunEndReason): Step =>
  async (model, { database, runId }) => {
    // A workflow runs out of turns between two of them, when nothing is open.
    if (reason.status === 'incomplete' && model.view.steps.at(-1) === 'in_progress') {
      return 'skipped';
    }
    const result = await finalizeRun(database.pool, runId, reason);
    const { status } = model.view;
    if (isOver(model)) return deepStrictEqual(result, endOf(model));
    const isWaiting = reason.status === 'expired' && reason.waiting === true;
    if (isWaiting && status !== 'requires_action') {
      return deepStrictEqual(result, { kind: 'resumed' });
    }
    end(
      model,
      status === 'cancelling' && reason.status !== 'expired' ? 'cancelled' : reason.status,
    );
    deepStrictEqual(result, endOf(model));
  };

function end(model: Model, status: RunEndReason['status']): void {
  const { view } = model;
  if (status === 'cancelled') view.events.push('thread.run.cancelling');
  closeOpen(model, status === 'incomplete' ? 'completed' : status, MESSAGE_ENDS[status]);
  moveRun(model, status satisfies RunStatus, REASONS[status]);
  view.owner = null;
}

const REASONS = {
  cancelled: undefined,
  expired: undefined,
  failed: 'server_error',
  incomplete: 'max_completion_tokens',
} as const;

export const deleteWithThread: Step = async (model, real) => {
  const { pool, projectId } = real.database;
  const status = await statusOf(
    withTransaction(pool, (tx) => deleteThread(tx, projectId, real.threadId)),
  );
  const { view } = model;
  strictEqual(status, view.status === 'deleted' ? 404 : 200);
  if (status !== 200) return;
  if (!isOver(model)) view.deliveries.push('cancel');
  model.reason = undefined;
  const gone = { owner: null, used: 0, events: [], steps: [], messages: [], calls: [], turns: 0 };
  Object.assign(view, { ...gone, status: 'deleted' });
};
