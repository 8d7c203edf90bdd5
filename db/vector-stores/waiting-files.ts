/** Files of a run's vector stores that are still being indexed. */
import type { RunId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** In all of its stores. */
export async function countWaiting(db: Queryable, runId: RunId): Promise<number> {
  const rows = await query<{ count: number }>(
    db,
    'waiting-files.count',
    `select count(*) from runs r join vector_store_files f on f.vector_store_id = any(r.vector_store_ids)
     where r.id = $1 and f.project_id = r.project_id and f.status = 'in_progress'`,
    [runId],
  );
  return rows[0]!.count;
}

/** Whether the thread's own stores have any: a run waits for those, as hosted, and not for the assistant's. */
export async function threadHasWaiting(db: Queryable, runId: RunId): Promise<boolean> {
  const rows = await query<{ found: boolean }>(
    db,
    'waiting-files.of-thread',
    `select exists (select from runs r join threads t on t.id = r.thread_id
       join vector_store_files f on f.vector_store_id = any(r.vector_store_ids)
       where r.id = $1 and f.project_id = r.project_id and f.status = 'in_progress'
         and t.tool_resources #> '{file_search,vector_store_ids}' ? f.vector_store_id) as found`,
    [runId],
  );
  return rows[0]!.found;
}
