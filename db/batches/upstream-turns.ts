/** Turns that their model server answers in a batch of its own, as their runs see them. upstream-batches.ts groups them. */
import type { BatchId, RunId } from '../../wire/ids.ts';
import type { Delivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { moveLine } from './line-states.ts';

export type UpstreamState = 'pending' | 'sent' | 'answered' | 'direct';

/** An answer as the model server's output or error file has it. */
export type UpstreamAnswer = { status: number; body: unknown };

export type HandedTurn = {
  /** Null: the turn has not been handed over. */
  state: UpstreamState | null;
  answer: UpstreamAnswer | null;
  /** Until the run expires. */
  seconds_left: number;
};

/** Undefined: the run was deleted. */
export async function findHandedTurn(
  db: Queryable,
  runId: RunId,
  turn: number,
): Promise<HandedTurn | undefined> {
  const rows = await query<Omit<HandedTurn, 'answer'> & { answer: string | null }>(
    db,
    'upstream-turns.find',
    `select t.state, t.answer, (r.expires_at - unix_now())::integer as seconds_left
     from runs r left join upstream_turns t on t.run_id = r.id and t.turn = $2 where r.id = $1`,
    [runId, turn],
  );
  return rows.map(({ answer, ...row }) => ({
    ...row,
    answer: answer === null ? null : (JSON.parse(answer) as UpstreamAnswer),
  }))[0];
}

export type NewTurn = { batchId: BatchId; runId: RunId; turn: number; model: string; line: string };

/**
 * Stores the request of a turn for the next batch at its model server. The line gives its place in the window to another one
 * meanwhile. @returns what wakes the workflow that makes these batches, unless a turn before this one has
 */
export async function handOver(pool: Pool, turn: NewTurn): Promise<Delivery | undefined> {
  return withTransaction(pool, async (tx) => {
    const { batchId, runId, model, line } = turn;
    await query(
      tx,
      'upstream-turns.hand-over',
      `insert into upstream_turns (workflow_id, run_id, turn, batch_id, model, line, bytes)
       values ($1, $1, $2, $3, $4, $5, $6) on conflict do nothing`,
      [runId, turn.turn, batchId, model, line, Buffer.byteLength(line)],
    );
    await moveLine(tx, runId, 'waiting');
    return wake(tx, model, runId);
  });
}

/** Turns before the first pending one have woken the workflow, which stays until none is left. */
async function wake(tx: Tx, model: string, runId: RunId): Promise<Delivery | undefined> {
  const workflowId = `upstream:${model}`;
  const payload = { kind: 'upstream', model } as const;
  const rows = await query<{ id: number }>(
    tx,
    'upstream-turns.wake',
    `insert into deliveries (run_id, kind, payload) select $1, 'upstream', $2::jsonb
     where not exists (select from upstream_turns where model = $3 and state = 'pending' and workflow_id <> $4)
     returning id`,
    [workflowId, toJson(payload), model, runId],
  );
  return rows[0] && { id: rows[0].id, workflowId, payload };
}

/** The turn is asked directly from now on: it has no answer yet, or one that cannot be used. */
export async function askDirectly(
  pool: Pool,
  runId: RunId,
  turn: number,
  former: readonly UpstreamState[],
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const rows = await query(
      tx,
      'upstream-turns.direct',
      `update upstream_turns set state = 'direct', line = null, answer = null
       where run_id = $1 and turn = $2 and state = any($3::text[]) returning turn`,
      [runId, turn, former],
    );
    if (rows.length > 0) await moveLine(tx, runId, 'running');
  });
}

/** SQL: somebody waits for turn `t`. */
export const WANTED = `exists (select from runs r where r.id = t.run_id and r.status = 'in_progress'
  and not exists (select from run_turns d where d.run_id = t.run_id and d.turn = t.turn))`;

/** Turns that have their result, and those of runs that have ended. Their content is stored elsewhere, or nobody wants it. */
export async function forgetSettledTurns(db: Queryable): Promise<void> {
  const text = `delete from upstream_turns t where not ${WANTED}`;
  await query(db, 'upstream-turns.forget', text);
}
