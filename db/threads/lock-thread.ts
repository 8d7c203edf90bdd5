import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import type { ThreadRow } from '../../wire/rows.ts';
import { found } from '../core/read-by-id.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';

export const THREAD_COLUMNS = 'id, created_at, metadata, tool_resources';

export type LockedThread = ThreadRow & { last_message_seq: number; active_run_id: RunId | null };

/**
 * Locks the thread until the transaction ends: whoever adds a message or a run holds it, so the answer about an active
 * run stays true.
 * @throws ApiError 404
 */
export async function lockThread(
  tx: Tx,
  projectId: ProjectId,
  id: ThreadId,
): Promise<LockedThread> {
  const [rows, active] = await Promise.all([
    query<Omit<LockedThread, 'active_run_id'>>(
      tx,
      'threads.lock',
      `select ${THREAD_COLUMNS}, last_message_seq from threads where id = $1 and project_id = $2 for update`,
      [id, projectId],
    ),
    // A statement of its own: its snapshot is taken after the lock was granted.
    query<{ id: RunId }>(
      tx,
      'threads.active-run',
      `select id from runs where thread_id = $1 and status in ('queued', 'in_progress', 'requires_action', 'cancelling')`,
      [id],
    ),
  ]);
  return { ...found(rows[0], 'thread', id), active_run_id: active[0]?.id ?? null };
}
