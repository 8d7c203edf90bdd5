import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import type { ThreadRow } from '../../wire/rows.ts';
import { found } from '../core/read-by-id.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { lockRun } from '../runs/read-runs.ts';

export const THREAD_COLUMNS = 'id, created_at, metadata, tool_resources';

export type LockedThread = ThreadRow & {
  last_message_seq: number;
  /** Or the first that waits, if none is at work. */
  active_run_id: RunId | null;
  is_active_waiting: boolean;
};

/**
 * Locks the thread until the transaction ends: whoever adds a message or a run holds it, so the answer about an active
 * run stays true. Rows that refer to the thread can be written meanwhile: a turn does so while it holds its run.
 * @throws ApiError 404
 */
export async function lockThread(
  tx: Tx,
  projectId: ProjectId,
  id: ThreadId,
): Promise<LockedThread> {
  const [rows, active] = await Promise.all([
    query<Omit<LockedThread, 'active_run_id' | 'is_active_waiting'>>(
      tx,
      'threads.lock',
      `select ${THREAD_COLUMNS}, last_message_seq from threads where id = $1 and project_id = $2 for no key update`,
      [id, projectId],
    ),
    // A statement of its own: its snapshot is taken after the lock was granted.
    readActiveRun(tx, id),
  ]);
  return {
    ...found(rows[0], 'thread', id),
    active_run_id: active?.id ?? null,
    is_active_waiting: active?.waiting ?? false,
  };
}

/**
 * A turn locks its run and then the thread, to add its message: what needs both takes them in this order. If another run
 * has become active meanwhile, both locks are given back.
 */
export async function lockBehindActiveRun(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
): Promise<LockedThread> {
  for (;;) {
    await tx.query('savepoint unlocked');
    const active = await readActiveRun(tx, threadId);
    if (active?.waiting === false) await lockRun(tx, { projectId, threadId, runId: active.id });
    const thread = await lockThread(tx, projectId, threadId);
    const { active_run_id: id, is_active_waiting: waits } = thread;
    if (id === null || waits || id === active?.id) return thread;
    await tx.query('rollback to savepoint unlocked');
  }
}

/** The thread's active run, or the first that waits. */
export async function readActiveRun(
  tx: Tx,
  threadId: ThreadId,
): Promise<{ id: RunId; waiting: boolean } | undefined> {
  const rows = await query<{ id: RunId; waiting: boolean }>(
    tx,
    'threads.active-run',
    `select id, waiting from runs where thread_id = $1 and status in ('queued', 'in_progress', 'requires_action', 'cancelling')
     order by waiting, id limit 1`,
    [threadId],
  );
  return rows[0];
}
