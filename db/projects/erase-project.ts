/**
 * Deletes a project with everything in it. The request closes the project: its keys end and its runs are cancelled. The worker
 * then deletes the rows, one batch a transaction, so a crash loses no progress and a large project holds no lock for long.
 */
import { ACTIVE_STATUSES } from '../../wire/run-status.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { found } from '../core/read-by-id.ts';
import { inProject } from '../core/row-scope.ts';

/** What a deletion would take, in numbers of objects and stored bytes, as the quota counts them. */
export type ProjectContent = Record<
  'assistants' | 'threads' | 'runs' | 'files' | 'vector_stores' | 'bytes',
  number
>;

/** @throws ApiError 404 */
export async function countContent(db: Queryable, id: ProjectId): Promise<ProjectContent> {
  const counts = ['assistants', 'threads', 'runs', 'files', 'vector_stores'].map(
    (table) => `(select count(*) from ${table} where project_id = p.id) as ${table}`,
  );
  const rows = await query<ProjectContent>(
    db,
    'erase-project.count',
    `select ${counts.join(', ')}, blob_bytes + row_bytes as bytes from projects p where id = $1 and deleted_at is null`,
    [id],
  );
  return found(rows[0], 'project', id);
}

/** From the commit on, nobody can use the project, and its name is free. @throws ApiError 404 */
export async function closeProject(tx: Tx, id: ProjectId): Promise<void> {
  const rows = await query<{ id: string }>(
    tx,
    'erase-project.close',
    `update projects set deleted_at = unix_now(), name = id where id = $1 and deleted_at is null returning id`,
    [id],
  );
  found(rows[0], 'project', id);
  await query(
    tx,
    'erase-project.revoke',
    'update api_keys set revoked_at = unix_now() where project_id = $1 and revoked_at is null',
    [id],
  );
  await query(
    tx,
    'erase-project.cancel-runs',
    `insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
     select project_id, id, 'cancel', '{"kind": "cancel"}', clock_timestamp() from runs
     where project_id = $1 and status = any($2::text[])`,
    [id, ACTIVE_STATUSES],
  );
  // Nobody reads the events any more.
  await query(
    tx,
    'erase-project.end-webhooks',
    'delete from webhook_endpoints where project_id = $1',
    [id],
  );
  await query(
    tx,
    'erase-project.end-schedules',
    `with gone as (delete from schedules where project_id = $1 returning id)
     insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
     select $1, id, 'schedule', jsonb_build_object('kind', 'schedule', 'projectId', $1::text), clock_timestamp() from gone`,
    [id],
  );
}

/** Requests and activities under way when the project was closed have ended after this time. */
const QUIET_SECONDS = 60;
/** Of one pass: the worker has other work too. */
const PASS_MS = 10_000;
const BATCH = 200;

/** Goes on with the deletion of closed projects. */
export async function eraseClosedProjects(pool: Pool, quietSeconds = QUIET_SECONDS): Promise<void> {
  const until = performance.now() + PASS_MS;
  const closed = await query<{ id: ProjectId; quiet: boolean }>(
    pool,
    'erase-project.closed',
    `select id, deleted_at <= unix_now() - $1::bigint as quiet from projects
     where deleted_at is not null order by deleted_at limit 100`,
    [quietSeconds],
  );
  for (const { id, quiet } of closed) {
    const empty = await inProject(id, () => eraseRows(pool, id, until));
    if (performance.now() > until) return;
    if (empty && quiet) {
      const text = 'delete from projects where id = $1 and deleted_at is not null';
      await query(pool, 'erase-project.end', text, [id]);
    }
  }
}

/** Rounds over all tables: a row that others refer to goes after them. Returns whether nothing is left. */
async function eraseRows(pool: Pool, id: ProjectId, until: number): Promise<boolean> {
  const tables = await tablesOfProjects(pool);
  for (;;) {
    let refused = false;
    let erased = 0;
    for (const table of tables) {
      for (;;) {
        if (performance.now() > until) return false;
        const count = await eraseBatch(pool, table, id);
        refused ||= count === 'referred to';
        if (count === 'referred to' || count === 0) break;
        erased += count;
      }
    }
    // A deletion may write to a table that comes earlier, such as the changes of what is stored.
    if (erased === 0) return !refused;
  }
}

type Table = { name: string; partitioned: boolean };

/** Every table with rows of projects, from the catalogue, so that no table of a later version is forgotten. Parents are first. */
async function tablesOfProjects(pool: Pool): Promise<Table[]> {
  return query<Table>(
    pool,
    'erase-project.tables',
    `select c.oid::regclass::text as name, c.relkind = 'p' as partitioned
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     order by (select count(*) from pg_constraint k where k.confrelid = c.oid) desc, name`,
  );
}

const FOREIGN_KEY_VIOLATION = '23503';

/** The audit log keeps the deletion itself. */
async function eraseBatch(
  pool: Pool,
  { name, partitioned }: Table,
  id: ProjectId,
): Promise<number | 'referred to'> {
  const kept = name === 'audit_events' ? `and type <> 'project.deleted'` : '';
  const rows = `from ${name} where project_id = $1 ${kept}`;
  // A partitioned table's row is not known by its ctid alone.
  const batch = partitioned
    ? `delete ${rows}`
    : `delete from ${name} where ctid = any(array(select ctid ${rows} limit ${BATCH}))`;
  try {
    return await withTransaction(pool, async (tx) => {
      const text = `with gone as (${batch} returning 1) select count(*) from gone`;
      const counts = await query<{ count: number }>(tx, `erase-project.${name}`, text, [id]);
      return counts[0]!.count;
    });
  } catch (error) {
    if ((error as { code?: unknown }).code === FOREIGN_KEY_VIOLATION) return 'referred to';
    throw error;
  }
}
