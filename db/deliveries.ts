/** Starts, signals and cancels that are committed but not yet accepted by Temporal. Repeating one is harmless. */
import type { Pool, Queryable, Tx } from './pool.ts';
import { query } from './pool.ts';

export type DeliveryPayload =
  | {
      kind: 'start';
      projectId: string;
      threadId: string;
      assistantId: string;
      model: string;
      expiresAtMs: number;
    }
  | { kind: 'signal'; submission: string }
  | { kind: 'cancel' };

export type Delivery = { id: number; runId: string; payload: DeliveryPayload };

/** Commits with the change it belongs to. */
export async function enqueueDelivery(
  tx: Tx,
  runId: string,
  payload: DeliveryPayload,
): Promise<Delivery> {
  const rows = await query<{ id: number }>(
    tx,
    'deliveries.enqueue',
    'insert into deliveries (run_id, kind, payload) values ($1, $2, $3::jsonb) returning id',
    [runId, payload.kind, JSON.stringify(payload)],
  );
  return { id: rows[0]!.id, runId, payload };
}

/** Temporal has accepted it, or it no longer means anything. */
export async function removeDelivery(db: Queryable, id: number): Promise<void> {
  await query(db, 'deliveries.remove', 'delete from deliveries where id = $1', [id]);
}

/**
 * Takes the deliveries that are due, the oldest of each run only, and postpones each so that a second process leaves
 * it alone meanwhile.
 */
export async function takeDueDeliveries(pool: Pool, limit: number): Promise<Delivery[]> {
  return query<Delivery>(
    pool,
    'deliveries.take',
    `update deliveries set attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + least(attempts + 1, 30) * interval '1 second'
     where id in (
       select d.id from deliveries d where d.next_attempt_at <= clock_timestamp()
         and not exists (select from deliveries e where e.run_id = d.run_id and e.id < d.id)
       order by d.id limit $1 for update skip locked)
     returning id, run_id as "runId", payload`,
    [limit],
  );
}
