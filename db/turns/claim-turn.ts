/** An attempt takes a turn of a run, and is then the only writer of the run's events. */
import { runEvent, stepEvent } from '../../wire/events.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { EndColumns } from '../../wire/run-status.ts';
import { DELETED, stopOf } from '../../wire/run-status.ts';
import type { LastError, RunEvent } from '../../wire/types.ts';
import type { Pool, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { appendEvents } from '../events/run-events.ts';
import type { TurnResult } from './finish-turn.ts';
import type { TurnRef } from './open-step.ts';
import { cutMessage } from './open-step.ts';
import { endOpenStepIfAny } from '../runs/run-steps.ts';
import type { ClaimedRun } from '../runs/transitions.ts';
import { claimRun } from '../runs/transitions.ts';

/** `done`: the turn has its result, or the run has moved on. */
type TurnClaim = { kind: 'claimed'; run: ClaimedRun } | { kind: 'done'; result: TurnResult };

const CUT_OFF: LastError = {
  code: 'server_error',
  message: 'The answer was cut off and is being generated again.',
};

/**
 * Takes the turn for this attempt. What a dead attempt left open is closed as incomplete, so that its text is never
 * continued by another answer.
 */
export async function claimTurn(pool: Pool, ref: TurnRef): Promise<TurnClaim> {
  return withTransaction(pool, async (tx) => {
    const run = await claimRun(tx, ref);
    if (run === undefined) return { kind: 'done', result: await resultOf(tx, ref) };
    const events = run.has_open_step ? await closeCutOff(tx, run) : [];
    if (run.was_queued) events.unshift(runEvent(run));
    if (events.length > 0) await appendEvents(tx, run.id, events, ref.owner);
    return { kind: 'claimed', run };
  });
}

/**
 * The result of a turn that could not be claimed: it is stored, or the run is ending or has ended. A workflow that was
 * started again may find that the outputs of an action are stored: it goes on as after tools that are all done.
 */
async function resultOf(tx: Tx, { runId, turn }: TurnRef): Promise<TurnResult> {
  const rows = await query<EndColumns & { result: TurnResult | null }>(
    tx,
    'turns.settled',
    `select r.status, r.last_error, r.incomplete_reason, (select t.result from run_turns t where t.run_id = r.id and t.turn = $2) as result
     from runs r where r.id = $1`,
    [runId, turn],
  );
  const row = rows[0];
  if (row === undefined) return DELETED;
  const stop = stopOf(row);
  if (stop !== undefined) return stop;
  if (row.result?.kind === 'action' && row.status !== 'requires_action') {
    return { kind: 'tools', calls: [] };
  }
  if (row.result !== null) return row.result;
  throw new Error(`Run ${runId} is ${row.status}: turn ${turn} cannot begin.`);
}

async function closeCutOff(tx: Tx, run: RunRow): Promise<RunEvent[]> {
  const step = await endOpenStepIfAny(tx, run.id, 'failed', CUT_OFF);
  if (step === undefined) return [];
  const message = await cutMessage(tx, run.id, step.seq, 'run_failed');
  return [...message, stepEvent(step, run)];
}
