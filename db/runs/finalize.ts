/** The end of a run that its model turn did not write: cancelled, expired, failed, or out of turns. */
import { runEvent, stepEvent } from '../../wire/events.ts';
import type { RunId } from '../../wire/ids.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { RunEnd } from '../../wire/run-status.ts';
import { DELETED, isActive, runEnd } from '../../wire/run-status.ts';
import type { IncompleteReason, LastError, RunEvent } from '../../wire/types.ts';
import type { Pool, Tx } from '../core/pool.ts';
import { withTransaction } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import { cutMessage } from '../turns/open-step.ts';
import { lockRun } from './read-runs.ts';
import { endOpenStepIfAny } from './run-steps.ts';
import { endRun } from './transitions.ts';

export type RunEndReason =
  | { status: 'cancelled' }
  /** `waiting` ends the run only while it still waits for its client: outputs that arrived in time win. */
  | { status: 'expired'; waiting?: boolean }
  | { status: 'failed'; error: LastError }
  | { status: 'incomplete' };

/** `resumed`: tool outputs arrived before the deadline did its work. */
export type FinalizeResult = RunEnd | { kind: 'resumed' };

const MESSAGE_REASONS = {
  cancelled: 'run_cancelled',
  expired: 'run_expired',
  failed: 'run_failed',
  incomplete: 'max_tokens',
} as const satisfies Record<RunEndReason['status'], IncompleteReason>;

/**
 * Ends the run once, whatever it was doing: closes its open message and step, and writes the terminal event with the
 * status. A run that has ended stays as it is. A run that is being cancelled ends cancelled, unless it expired.
 */
export async function finalizeRun(
  pool: Pool,
  runId: RunId,
  reason: RunEndReason,
): Promise<FinalizeResult> {
  return withTransaction(pool, (tx) => finalize(tx, runId, reason));
}

/** The same in a transaction that does more. */
export async function finalize(
  tx: Tx,
  runId: RunId,
  reason: RunEndReason,
): Promise<FinalizeResult> {
  const current = await lockRun(tx, { runId });
  if (current === undefined) return DELETED;
  if (!isActive(current.status)) return runEnd(current);
  if (reason.status === 'expired' && reason.waiting && current.status !== 'requires_action') {
    return { kind: 'resumed' };
  }
  const final =
    current.status === 'cancelling' && reason.status !== 'expired'
      ? { status: 'cancelled' as const }
      : reason;
  const run = (await endRun(tx, runId, final))!;
  const events: RunEvent[] = [];
  if (final.status === 'cancelled') events.push(runEvent({ ...current, status: 'cancelling' }));
  events.push(...(await closeOpenObjects(tx, run, final)), runEvent(run));
  await appendEvents(tx, runId, events);
  return runEnd(run);
}

async function closeOpenObjects(tx: Tx, run: RunRow, reason: RunEndReason): Promise<RunEvent[]> {
  const stepStatus = reason.status === 'incomplete' ? 'completed' : reason.status;
  const step = await endOpenStepIfAny(
    tx,
    run.id,
    stepStatus,
    reason.status === 'failed' ? reason.error : null,
  );
  if (step === undefined) return [];
  return [
    ...(await cutMessage(tx, run.id, step.seq, MESSAGE_REASONS[reason.status])),
    stepEvent(step, run),
  ];
}
