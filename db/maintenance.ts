/** What the reconciler reads and tidies: runs that may be stuck, event partitions, old idempotency keys, content nobody needs. */
import type { BatchId, ProjectId, RunId } from '../wire/ids.ts';
import type { RunStatus } from '../wire/types.ts';
import { collectBlobs } from './blobs/blobs.ts';
import { emptyExpiredStores, INGEST_ID } from './files/detach-files.ts';
import { deleteExpiredFiles } from './files/files.ts';
import { expireUploads } from './files/uploads.ts';
import { IDEMPOTENCY_HOURS } from './core/idempotency.ts';
import type { Pool, Queryable } from './core/pool.ts';
import { query } from './core/pool.ts';

/** Days of events kept after their runs have ended. */
const EVENT_DAYS = 2;

/** Whether the pass is due and this process has it: one of all workers, once in `seconds`, also after a clock went back. */
export async function takePass(
  db: Queryable,
  name: 'repair' | 'tidy' | 'words',
  seconds: number,
): Promise<boolean> {
  const rows = await query(
    db,
    'maintenance.take-pass',
    `update passes set next_at = clock_timestamp() + $2 * interval '1 second' where name = $1
       and (next_at <= clock_timestamp() or next_at > clock_timestamp() + $2 * interval '1 second') returning name`,
    [name, seconds],
  );
  return rows.length > 0;
}

export type SuspectRun = { id: RunId; project: ProjectId; status: RunStatus; overdue: boolean };

/**
 * Active runs that nothing has touched for a while, or that are past their deadline. Of those that wait for their clients, which
 * are quiet by nature, at most `parked`. Those that their paused batch holds are looked at after its resume.
 */
export async function listSuspectRuns(
  db: Queryable,
  quietSeconds: number,
  limit: number,
  parked = limit,
): Promise<SuspectRun[]> {
  return query<SuspectRun>(
    db,
    'maintenance.suspects',
    `select id, project_id as project, status, expires_at + 5 < unix_now() as overdue from runs
     where status in ('queued', 'in_progress', 'requires_action', 'cancelling')
       and (not waiting and updated_at < clock_timestamp() - $1 * interval '1 second' or expires_at + 5 < unix_now())
       and not exists (select from deliveries d where d.run_id = runs.id)
       and (status <> 'requires_action' or expires_at + 5 < unix_now() or id in (
         select id from runs where status = 'requires_action' order by updated_at limit $3))
       and (expires_at + 5 < unix_now() or not exists (select from batch_lines l where l.run_id = runs.id and l.held))
     order by updated_at limit $2`,
    [quietSeconds, limit, parked],
  );
}

/** Those of the runs that are active, whatever was written of them lately. */
export async function listActiveRuns(db: Queryable, ids: string[]): Promise<SuspectRun[]> {
  if (ids.length === 0) return [];
  return query<SuspectRun>(
    db,
    'maintenance.active',
    `select id, project_id as project, status, expires_at + 5 < unix_now() as overdue from runs
     where status in ('queued', 'in_progress', 'requires_action', 'cancelling') and id = any($1::text[])
       and not exists (select from deliveries d where d.run_id = runs.id)`,
    [ids],
  );
}

/** The run was found alive: it is quiet for another while. */
export async function touchRun(db: Queryable, runId: RunId): Promise<void> {
  await query(
    db,
    'maintenance.touch',
    'update runs set updated_at = clock_timestamp() where id = $1',
    [runId],
  );
}

/** Gives a queued run whose workflow was lost a new start. */
export async function restartRun(db: Queryable, runId: RunId): Promise<void> {
  await query(
    db,
    'maintenance.restart',
    `insert into deliveries (run_id, kind, payload, next_attempt_at)
     select id, 'start', jsonb_build_object('kind', 'start', 'projectId', project_id, 'threadId', thread_id,
       'assistantId', assistant_id, 'model', model, 'expiresAtMs', expires_at * 1000)
         || case when batch_id is null then '{}' else jsonb_build_object('batch', (
           select jsonb_build_object('id', b.id, 'priority', b.priority) from batches b where b.id = batch_id)) end,
       clock_timestamp()
     from runs where id = $1 and status in ('queued', 'in_progress', 'requires_action') and not waiting`,
    [runId],
  );
}

/** Batches under way that no step has touched for a while. */
export async function listSuspectBatches(
  db: Queryable,
  quietSeconds: number,
  limit: number,
): Promise<{ id: BatchId; project: ProjectId }[]> {
  return query<{ id: BatchId; project: ProjectId }>(
    db,
    'maintenance.suspect-batches',
    `select id, project_id as project from batches where status in ('validating', 'in_progress', 'finalizing', 'cancelling')
       and updated_at < clock_timestamp() - $1 * interval '1 second'
       and not exists (select from deliveries d where d.run_id = batches.id)
     order by updated_at limit $2`,
    [quietSeconds, limit],
  );
}

export type SuspectIngest = { seq: number; project: ProjectId; ingestId: string };

/** Files in progress that nothing has touched for a while, and whose start Temporal has accepted. */
export async function listSuspectIngests(
  db: Queryable,
  quietSeconds: number,
  limit: number,
): Promise<SuspectIngest[]> {
  return query<SuspectIngest>(
    db,
    'maintenance.suspect-ingests',
    `select seq, project_id as project, ${INGEST_ID} as "ingestId" from vector_store_files
     where status = 'in_progress' and updated_at < clock_timestamp() - $1 * interval '1 second'
       and not exists (select from deliveries d where d.run_id = ${INGEST_ID})
     order by updated_at limit $2`,
    [quietSeconds, limit],
  );
}

/** The ingest was found alive: it is quiet for another while. */
export async function touchIngest(db: Queryable, seq: number): Promise<void> {
  await query(
    db,
    'maintenance.touch-ingest',
    `update vector_store_files set updated_at = clock_timestamp() where seq = $1 and status = 'in_progress'`,
    [seq],
  );
}

/** Creates the partitions of today and tomorrow, and drops whole days whose runs have all ended. */
export async function rotateEventPartitions(pool: Pool): Promise<{ dropped: string[] }> {
  const today = Date.now();
  for (const offset of [0, 1]) await createPartition(pool, today + offset * 86_400_000);
  const oldest = partitionName(today - EVENT_DAYS * 86_400_000);
  const rows = await query<{ name: string }>(
    pool,
    'maintenance.partitions',
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'run_events'::regclass and c.relname ~ '^run_events_[0-9]{8}$' and c.relname < $1`,
    [oldest],
  );
  const dropped: string[] = [];
  for (const { name } of rows) if (await dropPartition(pool, name)) dropped.push(name);
  return { dropped };
}

function partitionName(atMs: number): string {
  return `run_events_${new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

/** The database's owner does it: this role may not define tables. */
async function createPartition(pool: Pool, atMs: number): Promise<void> {
  const day = new Date(atMs).toISOString().slice(0, 10);
  await query(pool, 'maintenance.create-partition', 'select create_event_partition($1::date)', [
    day,
  ]);
}

/** Keeps the day while a run with events in it is active: its sequence goes on from there. */
async function dropPartition(pool: Pool, name: string): Promise<boolean> {
  const rows = await query<{ dropped: boolean }>(
    pool,
    'maintenance.drop-partition',
    `select drop_event_partition(to_date(right($1, 8), 'YYYYMMDD')) as dropped`,
    [name],
  );
  return rows[0]!.dropped;
}

export async function deleteOldIdempotencyKeys(db: Queryable): Promise<void> {
  await query(
    db,
    'maintenance.idempotency',
    `delete from idempotency_keys where created_at < clock_timestamp() - interval '${IDEMPOTENCY_HOURS} hours'`,
  );
}

/**
 * Deletes expired files and what expired vector stores hold, ends expired uploads, and deletes content that nothing refers
 * to any more.
 */
export async function tidyFiles(pool: Pool): Promise<void> {
  await deleteExpiredFiles(pool);
  await emptyExpiredStores(pool);
  await expireUploads(pool);
  await collectBlobs(pool);
}
