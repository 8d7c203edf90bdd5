/**
 * Runs at once of a project and of a key. A run keeps its place until it has ended, also while it waits for its client.
 * Lines of batches take the places that are left, and none of them keeps another request from its run.
 */
import { rateLimitReached } from '../../wire/errors/limit-errors.ts';
import type { Refusal } from '../../wire/errors/limit-errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';

type RunLimit = Pick<Refusal, 'noun' | 'limit'> & { project: ProjectId; owner: string };

/** When a run will end is not known. */
const WAIT_MS = 1_000;

/**
 * Checks the limits before the transaction creates a run. Other requests that create runs of the project wait until it has
 * ended.
 * @throws ApiError 429
 */
export async function admitRun(tx: Tx, limits: readonly RunLimit[]): Promise<void> {
  const project = limits[0]?.project;
  if (project === undefined) return;
  const [, rows] = await Promise.all([
    lockLimit(tx, project),
    // A statement of its own: its snapshot is taken after the lock was granted.
    query<{ owner: string; used: number }>(
      tx,
      'runs.count-active',
      `select of as owner, count(*) as used from runs, unnest(array[project_id, key_id]) as limits (of)
       where project_id = $1 and batch_id is null and status in ('queued', 'in_progress', 'requires_action', 'cancelling')
       group by of`,
      [project],
    ),
  ]);
  const used = new Map(rows.map((row) => [row.owner, row.used]));
  const full = limits.find(({ owner, limit }) => (used.get(owner) ?? 0) >= limit);
  if (full === undefined) return;
  const refusal = { what: 'runs at once', type: 'requests', waitMs: WAIT_MS } as const;
  throw rateLimitReached({ ...full, ...refusal, used: used.get(full.owner)! });
}

/** Whether a line of a batch may become a run: the project has fewer than `limit`, those of its batches included. */
export async function hasRoomForLine(tx: Tx, project: ProjectId, limit: number): Promise<boolean> {
  const [, rows] = await Promise.all([
    lockLimit(tx, project),
    query<{ used: number }>(
      tx,
      'runs.count-all-active',
      `select count(*)::integer as used from runs where project_id = $1
         and (status in ('queued', 'in_progress', 'cancelling') or status = 'requires_action' and batch_id is null)`,
      [project],
    ),
  ]);
  return rows[0]!.used < limit;
}

export function lockLimit(tx: Tx, project: ProjectId): Promise<unknown> {
  const text = 'select pg_advisory_xact_lock(hashtextextended($1, 13))';
  return query(tx, 'runs.lock-limit', text, [project]);
}
