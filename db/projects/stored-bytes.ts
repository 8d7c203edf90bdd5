/**
 * What a project stores, for its quota. The database counts blobs in the transaction of each change; changes of rows are
 * appended and summed up by a worker, so that writers of one project do not wait for each other.
 */
import type { ProjectId, ThreadId } from '../../wire/ids.ts';
import type { Pool, Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** Changes that are summed up at once. */
const BATCH = 20_000;

type CellOwners = { projectId: ProjectId; threadId: ThreadId };

/**
 * Bytes that a cell of the thread may store in place of its Python's variables. The project's own quota goes before the
 * default, and 0 means none.
 */
export async function readRoom(
  db: Queryable,
  { projectId, threadId }: CellOwners,
  defaultQuota: number,
): Promise<number> {
  const rows = await query<{ quota: number; stored: number }>(
    db,
    'stored-bytes.room',
    `select coalesce((limits ->> 'quota_bytes')::bigint, $3::bigint) as quota, blob_bytes + row_bytes - coalesce((
         select b.counted_bytes from interpreters i join blobs b on b.id = i.namespace_blob_id where i.thread_id = $2), 0) as stored
     from projects where id = $1`,
    [projectId, threadId, defaultQuota],
  );
  const { quota, stored } = rows[0] ?? { quota: 0, stored: 0 };
  return quota === 0 ? Infinity : Math.max(0, quota - stored);
}

/** Adds the changes of rows to their projects. */
export async function sumRowBytes(pool: Pool): Promise<void> {
  for (let summed = BATCH; summed === BATCH;) {
    const rows = await query<{ count: number }>(
      pool,
      'stored-bytes.sum',
      `with gone as (delete from row_byte_changes where ctid = any(array(
           select ctid from row_byte_changes limit ${BATCH} for update skip locked)) returning project_id, bytes),
         counted as (update projects p set row_bytes = p.row_bytes + c.bytes
           from (select project_id, sum(bytes)::bigint as bytes from gone group by project_id) c where p.id = c.project_id)
       select count(*) from gone`,
    );
    summed = rows[0]!.count;
  }
}
