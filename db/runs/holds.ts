/** Attempts at a turn that were put off without a fault: they do not count as tries. */
import type { RunId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

export async function countHold(db: Queryable, runId: RunId): Promise<void> {
  const text = 'update runs set holds = holds + 1, held_at = clock_timestamp() where id = $1';
  await query(db, 'runs.hold', text, [runId]);
}

/** `sinceMs`: since the last one. */
export async function readHolds(
  db: Queryable,
  runId: RunId,
): Promise<{ holds: number; sinceMs: number } | undefined> {
  const rows = await query<{ holds: number; sinceMs: number }>(
    db,
    'runs.holds',
    `select holds, extract(epoch from clock_timestamp() - held_at)::float8 * 1000 as "sinceMs" from runs
     where id = $1 and holds > 0`,
    [runId],
  );
  return rows[0];
}
