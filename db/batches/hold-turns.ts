/** Turns of lines that wait: until their batch is resumed, or until their model may be asked. */
import type { BatchId, RunId } from '../../wire/ids.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** A line by its run, or by its number when it has none. */
export type HeldLine = { batchId: BatchId; runId?: RunId; line?: number };

/**
 * Whether the line may ask its model. While the batch is paused it is marked as held: a pause has an effect on every turn
 * that asks after it, and a resume, which waits for the mark, finds it.
 */
export async function holdLine(
  db: Queryable,
  { batchId, runId, line }: HeldLine,
  model: string,
): Promise<{ held: boolean; blockedMs: number }> {
  const rows = await query<{ held: boolean; blockedMs: number }>(
    db,
    'batch-lines.hold',
    `with paused as (select id from batches where id = $1 and paused for share),
       held as (
         update batch_lines l set held = true from paused
         where l.batch_id = paused.id and (l.run_id = $2 or l.line = $3) returning l.line)
     select exists (select from held) as held, coalesce((
       select greatest(0, extract(epoch from blocked_until - clock_timestamp()) * 1000) from model_rates where model = $4
     ), 0)::float8 as "blockedMs"`,
    [batchId, runId ?? null, line ?? null, model],
  );
  return rows[0]!;
}

/** Signals their workflows that the batch goes on. */
export async function resumeLines(tx: Tx, batchId: BatchId): Promise<void> {
  await query(
    tx,
    'batch-lines.resume',
    `with resumed as (
       update batch_lines set held = false where batch_id = $1 and held returning state, coalesce(run_id, batch_id || ':' || line) as id)
     insert into deliveries (run_id, kind, payload, next_attempt_at)
     select id, 'resume', '{"kind": "resume"}'::jsonb, clock_timestamp() from resumed where state = 'running'`,
    [batchId],
  );
}

/** Seconds in which refusals of a model server count as one: lines that ask at the same time are refused together. */
const ONE_OVERLOAD = 5;
/** Between two steps back to the window that was asked for. */
const WIDEN_SECONDS = 5;
/** Part of that window which one step adds. */
const STEPS = 16;

/** The window in force. */
export const CURRENT_WINDOW = (batch = 'batches') =>
  `least(${batch}.running_limit, coalesce(${batch}.narrowed_to, ${batch}.running_limit))`;

/** Halves the window. `ms`: for so long the model server is left alone. */
export async function narrowWindow(db: Queryable, id: BatchId, ms: number): Promise<void> {
  await query(
    db,
    'batches.narrow',
    `update batches set narrowed_to = greatest(1, ${CURRENT_WINDOW()} / 2),
       narrowed_at = clock_timestamp() + $2::float8 * interval '1 ms'
     where id = $1 and coalesce(narrowed_at, '-infinity') < clock_timestamp() - interval '${ONE_OVERLOAD} seconds'`,
    [id, ms],
  );
}

/** A step back, when the model server has taken every request for a while. */
export async function widenWindow(db: Queryable, id: BatchId): Promise<void> {
  await query(
    db,
    'batches.widen',
    `update batches set widened_at = clock_timestamp(),
       narrowed_to = nullif(least(running_limit, narrowed_to + greatest(1, running_limit / ${STEPS})), running_limit)
     where id = $1 and narrowed_to is not null
       and greatest(narrowed_at, widened_at) < clock_timestamp() - interval '${WIDEN_SECONDS} seconds'`,
    [id],
  );
}
