/** Deletes threads and runs after the days that the settings name. A number of 0 keeps them for ever. */
import { ACTIVE_STATUSES } from '../../wire/run-status.ts';
import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { inProject } from '../core/row-scope.ts';
import { deleteEvents } from '../events/erase-events.ts';
import { deleteThread } from './threads.ts';

const BATCH = 100;
/** Of one pass: the worker has other work too. */
const PASS_MS = 10_000;

/** The batch of a run writes its results when it ends. */
const IS_NEEDED = `(r.status = any($2::text[]) or exists (select from batches b
  where b.id = r.batch_id and b.status in ('validating', 'in_progress', 'finalizing', 'cancelling')))`;

/** When a thread was last used: its newest message or run, or now if it needs the run. In unix seconds. */
const LAST_USE = `greatest(t.created_at,
  (select m.created_at from messages m where m.thread_id = t.id order by m.seq desc limit 1),
  (select case when ${IS_NEEDED} then unix_now() else extract(epoch from r.updated_at)::bigint end
   from runs r where r.thread_id = t.id order by r.id desc limit 1))`;

const PERHAPS_IDLE = 'coalesce(t.last_active_at, t.created_at) < unix_now() - $1::bigint * 86400';

const IS_OLD = `r.created_at < unix_now() - $1::bigint * 86400 and not ${IS_NEEDED}`;

/** What the settings would delete now. */
export async function countExpired(
  db: Queryable,
  { threadDays, runDays }: { threadDays: number; runDays: number },
): Promise<{ threads: number; runs: number }> {
  const count = async (days: number, name: string, text: string) => {
    if (days === 0) return 0;
    const rows = await query<{ count: number }>(db, name, text, [days, ACTIVE_STATUSES]);
    return rows[0]!.count;
  };
  const threads = `select count(*) from threads t
    where ${PERHAPS_IDLE} and ${LAST_USE} < unix_now() - $1::bigint * 86400`;
  const runs = `select count(*) from runs r where ${IS_OLD}`;
  return {
    threads: await count(threadDays, 'retention.count-threads', threads),
    runs: await count(runDays, 'retention.count-runs', runs),
  };
}

/** Deletes threads that nobody has used for so many days. */
export async function deleteIdleThreads(pool: Pool, days: number): Promise<void> {
  const until = performance.now() + PASS_MS;
  for (let looked = BATCH; looked === BATCH && days > 0 && performance.now() < until;) {
    const threads = await lookAtThreads(pool, days);
    looked = threads.length;
    for (const { id, project } of threads.filter(({ idle }) => idle)) {
      await inProject(project, () => withTransaction(pool, (tx) => deleteThread(tx, project, id)));
    }
  }
}

type LookedAt = { id: ThreadId; project: ProjectId; idle: boolean };

/** The next threads that may be idle. Those that are not are looked at again when they may be. */
async function lookAtThreads(pool: Pool, days: number): Promise<LookedAt[]> {
  return query<LookedAt>(
    pool,
    'retention.idle-threads',
    `with looked_at as (
       select t.id, t.project_id as project, ${LAST_USE} as last_use from threads t
       where ${PERHAPS_IDLE} order by coalesce(t.last_active_at, t.created_at) limit ${BATCH}),
     used as (update threads t set last_active_at = last_use from looked_at l
       where t.id = l.id and last_use >= unix_now() - $1::bigint * 86400)
     select id, project, last_use < unix_now() - $1::bigint * 86400 as idle from looked_at`,
    [days, ACTIVE_STATUSES],
  );
}

/** Deletes runs that were created so many days ago and have ended. Their messages stay. */
export async function deleteOldRuns(pool: Pool, days: number): Promise<void> {
  const until = performance.now() + PASS_MS;
  for (let found = BATCH; found === BATCH && days > 0 && performance.now() < until;) {
    const runs = await query<{ id: RunId; project: ProjectId }>(
      pool,
      'retention.old-runs',
      `select id, project_id as project from runs r where ${IS_OLD} order by created_at limit ${BATCH}`,
      [days, ACTIVE_STATUSES],
    );
    found = runs.length;
    for (const [project, own] of Map.groupBy(runs, (run) => run.project)) {
      const ids = own.map(({ id }) => id);
      await inProject(project, () => withTransaction(pool, (tx) => deleteRuns(tx, ids)));
    }
  }
}

async function deleteRuns(tx: Tx, ids: RunId[]): Promise<void> {
  await query(
    tx,
    'retention.delete-runs',
    `with gone as (delete from runs where id = any($1::text[]) returning id, thread_id)
     ${keepPlaces('runs', 'thread_id')}`,
    [ids],
  );
  await deleteEvents(tx, ids);
  for (const id of ids) await forgetAnswers(tx, id);
}
