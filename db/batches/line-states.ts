/** What becomes of a batch's lines while their runs go on. Each change is one statement that names the states it may come from. */
import { LINE_STATES } from '../../wire/batches/batch-status.ts';
import type { LineState } from '../../wire/batches/batch-status.ts';
import type { BatchId, ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import type { RunRow } from '../../wire/rows.ts';
import { toJson } from '../core/json.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { CURRENT_WINDOW } from './hold-turns.ts';

/**
 * Wakes the batch of `moved` once half of its places are free, unless a signal is on its way: it fills them all at once.
 * The statement does not see its own change: the line still counts as running.
 */
export const WAKES = `insert into deliveries (run_id, kind, payload, next_attempt_at)
  select b.id, 'wake', '{"kind": "wake"}'::jsonb, clock_timestamp() from moved join batches b on b.id = moved.batch_id
  where not exists (select from deliveries d where d.run_id = b.id)
    and (select count(*) from (select from batch_lines r where r.batch_id = b.id and r.state = 'running'
      limit ${CURRENT_WINDOW('b')}) places) - 1 <= ${CURRENT_WINDOW('b')} / 2`;

/**
 * The line follows its run in the transaction that moves the run.
 */
export async function followRun(
  tx: Tx,
  { id, status, batch_id }: Pick<RunRow, 'id' | 'status' | 'batch_id'>,
): Promise<void> {
  const state = LINE_STATES[status];
  if (batch_id !== null && state !== null) await moveLine(tx, id, state);
}

/** A line that has not ended goes to another state. */
export async function moveLine(tx: Tx, runId: string, state: LineState): Promise<void> {
  await query(
    tx,
    'batch-lines.follow-run',
    `with moved as (
       update batch_lines set state = $2 where run_id = $1 and state in ('running', 'waiting') and state <> $2 returning batch_id)
     ${WAKES}`,
    [runId, state],
  );
}

export type LineCounts = Partial<Record<LineState, number>>;

export async function countLines(db: Queryable, batchId: BatchId): Promise<LineCounts> {
  const rows = await query<{ state: LineState; count: number }>(
    db,
    'batch-lines.count',
    'select state, count(*)::integer as count from batch_lines where batch_id = $1 group by state',
    [batchId],
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** Lines that have no run end with the batch, and the workflows of those under way are cancelled. */
export async function endWithoutRun(
  db: Queryable,
  batchId: BatchId,
  state: 'cancelled' | 'expired',
): Promise<void> {
  await query(
    db,
    'batch-lines.end-without-run',
    `with left_over as (
       select line, state from batch_lines where batch_id = $1 and state in ('pending', 'running') and run_id is null
         and (state = 'pending' or thread_id is null) for update),
     ended as (
       update batch_lines l set state = $2 from left_over where l.batch_id = $1 and l.line = left_over.line)
     insert into deliveries (run_id, kind, payload, next_attempt_at)
     select $1 || ':' || line, 'cancel', '{"kind": "cancel"}'::jsonb, clock_timestamp()
     from left_over where state = 'running'`,
    [batchId, state],
  );
}

const DELETED = { code: 'run_deleted', message: 'The run was deleted with its thread.' };

/** Lines whose runs were deleted with their threads before they ended. */
export async function endDeleted(db: Queryable, batchId: BatchId): Promise<void> {
  await query(
    db,
    'batch-lines.end-deleted',
    `update batch_lines set state = 'failed', response = $2::json
     where batch_id = $1 and state in ('running', 'waiting') and run_id is null and thread_id is not null`,
    [batchId, toJson({ error: DELETED })],
  );
}

export type LineRun = { projectId: ProjectId; threadId: ThreadId; runId: RunId };

/** Runs of the batch that a cancel would still move, or those that wait for their client. */
export async function listLineRuns(
  db: Queryable,
  batchId: BatchId,
  which: 'active' | 'waiting',
  limit: number,
): Promise<LineRun[]> {
  const statuses = which === 'waiting' ? [] : ['queued', 'in_progress'];
  return query<LineRun>(
    db,
    'batch-lines.runs',
    `select r.id as "runId", r.thread_id as "threadId", r.project_id as "projectId"
     from batch_lines l join runs r on r.id = l.run_id
     where l.batch_id = $1 and l.state in ('running', 'waiting') and r.status = any($2::text[]) order by l.line limit $3`,
    [batchId, [...statuses, 'requires_action'], limit],
  );
}
