/** The end of a run that its model turn did not write: cancelled, expired, failed, or out of turns. */
import { runEvent, stepEvent } from '../../wire/events.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { RunEnd } from '../../wire/run-status.ts';
import { isActive, runEnd, TRANSITIONS } from '../../wire/run-status.ts';
import type { IncompleteReason, LastError, RunEvent } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import { endOpenStepIfAny } from './run-steps.ts';
import { RUN_COLUMNS } from './read-runs.ts';
import { cutMessage } from './open-step.ts';

export type RunEnding =
  | { status: 'cancelled' }
  /** `waiting` ends the run only while it still waits for its client: outputs that arrived in time win. */
  | { status: 'expired'; waiting?: boolean }
  | { status: 'failed'; error: LastError }
  | { status: 'incomplete' };

/** `resumed`: tool outputs arrived before the deadline did its work. */
export type FinalizeOutcome = RunEnd | { kind: 'resumed' };

const MESSAGE_REASONS = {
  cancelled: 'run_cancelled',
  expired: 'run_expired',
  failed: 'run_failed',
  incomplete: 'max_tokens',
} as const satisfies Record<RunEnding['status'], IncompleteReason>;

/**
 * Ends the run once, whatever it was doing: closes its open message and step, and writes the terminal event with the
 * status. A run that has ended stays as it is. A run that is being cancelled ends cancelled, unless it expired.
 */
export async function finalizeRun(
  pool: Pool,
  runId: string,
  ending: RunEnding,
): Promise<FinalizeOutcome> {
  return withTransaction(pool, async (tx) => {
    const current = await lockRun(tx, runId);
    if (current === undefined) return { kind: 'ended', status: 'deleted' };
    if (!isActive(current.status)) return runEnd(current);
    if (ending.status === 'expired' && ending.waiting && current.status !== 'requires_action') {
      return { kind: 'resumed' };
    }
    const final =
      current.status === 'cancelling' && ending.status !== 'expired'
        ? { status: 'cancelled' as const }
        : ending;
    const run = await endRun(tx, runId, final);
    const events: RunEvent[] = [];
    if (final.status === 'cancelled') events.push(runEvent({ ...current, status: 'cancelling' }));
    events.push(...(await closeOpenObjects(tx, run, final)), runEvent(run));
    await appendEvents(tx, runId, events);
    return runEnd(run);
  });
}

async function lockRun(tx: Tx, runId: string): Promise<RunRow | undefined> {
  const rows = await query<RunRow>(
    tx,
    'finalize.lock',
    `select ${RUN_COLUMNS} from runs where id = $1 for update`,
    [runId],
  );
  return rows[0];
}

async function endRun(tx: Tx, runId: string, ending: RunEnding): Promise<RunRow> {
  const rows = await query<RunRow>(
    tx,
    'finalize.end-run',
    `update runs set status = $2, owner = null, required_action = null, last_error = $3::jsonb, incomplete_reason = $4,
       cancelled_at = case when $2 = 'cancelled' then unix_now() end,
       failed_at = case when $2 = 'failed' then unix_now() end
     where id = $1 and status = any($5::text[]) returning ${RUN_COLUMNS}`,
    [
      runId,
      ending.status,
      ending.status === 'failed' ? toJson(ending.error) : null,
      ending.status === 'incomplete' ? 'max_completion_tokens' : null,
      TRANSITIONS[ending.status],
    ],
  );
  return rows[0]!;
}

async function closeOpenObjects(tx: Tx, run: RunRow, ending: RunEnding): Promise<RunEvent[]> {
  const stepStatus = ending.status === 'incomplete' ? 'completed' : ending.status;
  const step = await endOpenStepIfAny(
    tx,
    run.id,
    stepStatus,
    ending.status === 'failed' ? ending.error : null,
  );
  if (step === undefined) return [];
  return [
    ...(await cutMessage(tx, run.id, step.seq, MESSAGE_REASONS[ending.status])),
    stepEvent(step, run),
  ];
}
