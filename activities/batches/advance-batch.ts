/**
 * One step of a batch. PostgreSQL says which; the workflow repeats this until the batch has ended. A step that is cut off
 * or made twice starts no line twice: each is claimed in the transaction that makes its run.
 */
import { findBatch } from '../../db/batches/batches.ts';
import { widenWindow } from '../../db/batches/hold-turns.ts';
import type { LineCounts, LineRun } from '../../db/batches/line-states.ts';
import {
  countLines,
  endDeleted,
  endWithoutRun,
  listLineRuns,
} from '../../db/batches/line-states.ts';
import { applyBudget } from '../../db/batches/budget.ts';
import { keepBatch } from '../../db/batches/spend.ts';
import { beginFinalizing } from '../../db/batches/transitions.ts';
import { enqueueDelivery } from '../../db/core/deliveries.ts';
import { withTransaction } from '../../db/core/pool.ts';
import type { Tx } from '../../db/core/pool.ts';
import { finalize } from '../../db/runs/finalize.ts';
import { startCancelling } from '../../db/runs/transitions.ts';
import { hasEnded } from '../../wire/batches/batch-status.ts';
import type { BatchId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BatchSettings, BatchStatus, LastError } from '../../wire/types.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { beating } from '../ingest/ingest-file.ts';
import { startLines } from './start-lines.ts';

/** What the workflow does next. */
export type BatchStep =
  | { kind: 'validate' }
  | { kind: 'finalize' }
  | { kind: 'ended'; status: BatchStatus | 'deleted' }
  | {
      kind: 'wait';
      ms: number;
      paused: boolean;
      reason?: PauseReason;
      counts: LineCounts;
      /** The window in force, and whether it is less than was asked for. */
      window?: number;
      narrowed?: boolean;
    };

type PauseReason = BatchSettings['pause_reason'];

/** Runs that one step cancels or fails. */
const RUNS = 200;

/** Until the next step, unless the batch is woken before: while lines are left, while some run, and while all are parked. */
const WAITS = { starting: 2_000, running: 5_000, parked: 60_000 };

export async function advanceBatch(deps: ActivityDependencies, id: BatchId): Promise<BatchStep> {
  return beating(async (signal) => {
    const batch = await findBatch(deps.pool, id);
    if (batch === undefined) return { kind: 'ended', status: 'deleted' };
    if (hasEnded(batch.status)) return { kind: 'ended', status: batch.status };
    if (batch.status === 'validating') return { kind: 'validate' };
    await keepBatch(deps.pool, id);
    await endDeleted(deps.pool, id);
    if (batch.status === 'in_progress') return go(deps, batch, signal);
    await endWithoutRun(deps.pool, id, batch.ending ?? 'cancelled');
    await cancelRuns(deps, id);
    const counts = await countLines(deps.pool, id);
    return isIdle(counts) ? { kind: 'finalize' } : waitFor(batch, counts, WAITS.starting);
  });
}

async function go(
  deps: ActivityDependencies,
  batch: BatchRow,
  signal: AbortSignal,
): Promise<BatchStep> {
  const { pool } = deps;
  const { id, paused } = batch;
  if (batch.on_requires_action === 'fail') await failWaiting(deps, id);
  if (batch.current_window < batch.running_limit) await widenWindow(pool, id);
  await applyBudget(pool, batch);
  const { running = 0 } = await countLines(pool, id);
  const room = paused ? 0 : batch.current_window - running;
  await startLines(deps, batch, room, signal);
  const counts = await countLines(pool, id);
  if (isIdle(counts) || batch.seconds_left <= 0) {
    await beginFinalizing(pool, id, isIdle(counts) ? null : 'expired');
    return isIdle(counts) ? { kind: 'finalize' } : waitFor(batch, counts, 0);
  }
  const active = (counts.running ?? 0) > 0;
  const starting = !paused && (counts.pending ?? 0) > 0;
  return waitFor(batch, counts, WAITS[starting ? 'starting' : active ? 'running' : 'parked']);
}

function waitFor(batch: BatchRow, counts: LineCounts, ms: number): BatchStep {
  const left = batch.seconds_left > 0 ? batch.seconds_left * 1_000 : ms;
  const { paused, pause_reason: reason, current_window: window } = batch;
  const narrowed = window < batch.running_limit;
  return { kind: 'wait', ms: Math.min(ms, left), paused, reason, counts, window, narrowed };
}

function isIdle({ pending = 0, running = 0, waiting = 0 }: LineCounts): boolean {
  return pending + running + waiting === 0;
}

const UNANSWERED: LastError = {
  code: 'server_error',
  message: 'The run requires action, and its batch lets such runs fail.',
};

/** The workflow of the run hears of its end as of a cancel: it finds the run ended. */
const failWaiting = (deps: ActivityDependencies, id: BatchId) =>
  stopRuns(deps, id, 'waiting', async (tx, { runId }) => {
    const end = await finalize(tx, runId, { status: 'failed', error: UNANSWERED });
    return end.kind === 'ended';
  });

const cancelRuns = (deps: ActivityDependencies, id: BatchId) =>
  stopRuns(deps, id, 'active', async (tx, run) => (await startCancelling(tx, run)) !== undefined);

async function stopRuns(
  { pool, dispatcher }: ActivityDependencies,
  id: BatchId,
  which: 'active' | 'waiting',
  stop: (tx: Tx, run: LineRun) => Promise<boolean>,
): Promise<void> {
  for (const run of await listLineRuns(pool, id, which, RUNS)) {
    const delivery = await withTransaction(pool, async (tx) =>
      (await stop(tx, run)) ? enqueueDelivery(tx, run.runId, { kind: 'cancel' }) : undefined,
    );
    if (delivery !== undefined) dispatcher.dispatch(delivery);
  }
}
