/** The runs of all projects in figures. The cost follows the runs that are active and the recent ones, not all that are stored. */
import type { RunCounts } from '../../wire/admin/status.ts';
import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import { ACTIVE_STATUSES } from '../../wire/run-status.ts';
import { notFound } from '../../wire/errors/errors.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { RunPath } from './read-runs.ts';

const ACTIVE = `status in ('queued', 'in_progress', 'requires_action', 'cancelling')`;
const RECENT_SECONDS = 600;
const MOST_RECENT = 10_000;
const MOST_STUCK = 100;

export async function countRuns(db: Queryable, stuckMinutes: number): Promise<RunCounts> {
  const active = await countActive(db);
  const of = (status: string) => active.find((one) => one.status === status);
  return {
    active_runs: Object.fromEntries(
      ACTIVE_STATUSES.map((status) => [status, of(status)?.count ?? 0]),
    ),
    oldest_queued_at: of('queued')?.oldest ?? null,
    recent_runs: await countRecent(db),
    stuck_runs: await listStuck(db, stuckMinutes),
  };
}

/** Runs that wait for their thread have no place in a queue of workers. */
async function countActive(
  db: Queryable,
): Promise<{ status: string; count: number; oldest: number | null }[]> {
  return query(
    db,
    'run-counts.active',
    `select status, count(*) as count, min(created_at) filter (where not waiting) as oldest
     from runs where ${ACTIVE} group by status`,
  );
}

type Recent = {
  by_status: Record<string, number>;
  created: number;
  queue: number[] | null;
  duration: number[] | null;
};

async function countRecent(db: Queryable): Promise<RunCounts['recent_runs']> {
  const rows = await query<Recent>(
    db,
    'run-counts.recent',
    `with recent as (
       select status, started_at - created_at as queue, coalesce(completed_at, failed_at, cancelled_at) - created_at as duration
       from runs where created_at > unix_now() - ${RECENT_SECONDS} order by created_at desc limit ${MOST_RECENT})
     select (select coalesce(jsonb_object_agg(status, n), '{}') from (select status, count(*) as n from recent group by status) s)
         as by_status, count(*) as created,
       percentile_cont(array[0.5, 0.95]) within group (order by queue) as queue,
       percentile_cont(array[0.5, 0.95]) within group (order by duration) as duration
     from recent`,
  );
  const { by_status, created, queue, duration } = rows[0]!;
  return {
    created,
    by_status,
    queue_seconds: percentiles(queue),
    duration_seconds: percentiles(duration),
  };
}

function percentiles(values: number[] | null): { p50: number; p95: number } | null {
  return values === null ? null : { p50: values[0]!, p95: values[1]! };
}

/** Neither runs whose client is to act, nor those that wait for their thread or their paused batch. */
async function listStuck(db: Queryable, minutes: number): Promise<RunCounts['stuck_runs']> {
  return query(
    db,
    'run-counts.stuck',
    `select r.id, r.thread_id, r.project_id, r.status, changed.at as last_change_at from runs r
     cross join lateral (
       select greatest(r.created_at, r.started_at, max(s.created_at), max(s.completed_at)) as at from run_steps s where s.run_id = r.id) changed
     where r.${ACTIVE} and r.status <> 'requires_action' and not r.waiting and r.created_at < unix_now() - $1::integer * 60
       and changed.at < unix_now() - $1::integer * 60
       and not exists (select from batch_lines l where l.run_id = r.id and l.held)
     order by changed.at, r.id limit ${MOST_STUCK}`,
    [minutes],
  );
}

/**
 * Where a run of any project is.
 * @throws ApiError 404
 */
export async function findRun(db: Queryable, runId: RunId): Promise<RunPath> {
  const rows = await query<{ projectId: ProjectId; threadId: ThreadId }>(
    db,
    'run-counts.find',
    'select project_id as "projectId", thread_id as "threadId" from runs where id = $1',
    [runId],
  );
  if (rows[0] === undefined) throw notFound('run', runId);
  return { ...rows[0], runId };
}
