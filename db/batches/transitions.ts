/**
 * The only file that changes a batch's status. Each transition is one statement, which finds the batch only in a status
 * that `BATCH_TRANSITIONS` names for the next one. Undefined means that the batch was in another status, or gone.
 */
import { BATCH_TRANSITIONS } from '../../wire/batches/batch-status.ts';
import { cannotChangeBatch } from '../../wire/errors/errors.ts';
import type { BatchId, ProjectId } from '../../wire/ids.ts';
import type { FoundReason } from '../../wire/batches/answers.ts';
import type { BatchChange } from '../../wire/batches/requests.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BatchError, BatchEstimate, BatchStatus } from '../../wire/types.ts';
import { releaseBlobs } from '../blobs/blobs.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { BATCH_COLUMNS, getBatch } from './batches.ts';
import { resumeLines } from './hold-turns.ts';

/** The time of a status is in a column of its name. SQL of `set` and `where`: parameters begin with $4. */
async function moveBatch(
  db: Queryable,
  [id, to]: [BatchId, BatchStatus],
  { name, set = '', where = 'true' }: { name: string; set?: string; where?: string },
  values: unknown[] = [],
): Promise<BatchRow | undefined> {
  const rows = await query<BatchRow>(
    db,
    `batches.${name}.${to}`,
    `update batches set status = $2, ${to}_at = unix_now(), updated_at = clock_timestamp()${set}
     where id = $1 and status = any($3::text[]) and ${where} returning ${BATCH_COLUMNS}`,
    [id, to, BATCH_TRANSITIONS[to], ...values],
  );
  return rows[0];
}

/** validating → in_progress: every line is good. Those that are completed were taken over. */
export async function startBatch(db: Queryable, id: BatchId): Promise<void> {
  const set = `, resumed = (select count(*) from batch_lines where batch_id = $1 and state = 'completed')`;
  await moveBatch(db, [id, 'in_progress'], { name: 'start', set });
}

/** validating → failed: the file has errors. */
export async function failBatch(pool: Pool, id: BatchId, errors: BatchError[]): Promise<void> {
  const set = ', errors = $4::jsonb, total = 0, completed = 0, failed = 0';
  await endUnstarted(pool, [id, 'failed'], { name: 'fail', set }, errors);
}

/** validating → completed: a dry run is over. */
export async function endDryRun(pool: Pool, id: BatchId, estimate: BatchEstimate): Promise<void> {
  const set = ', estimate = $4::jsonb, completed = 0, failed = 0';
  await endUnstarted(pool, [id, 'completed'], { name: 'dry', set, where: 'dry_run' }, estimate);
}

/** Its lines are forgotten. */
async function endUnstarted(
  pool: Pool,
  move: [BatchId, BatchStatus],
  change: Parameters<typeof moveBatch>[2],
  shown: unknown,
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const batch = await moveBatch(tx, move, change, [toJson(shown)]);
    if (batch === undefined) return;
    const text = 'delete from batch_lines where batch_id = $1';
    await query(tx, 'batches.forget-lines', text, [batch.id]);
    await releaseInput(tx, batch);
  });
}

/** in_progress → finalizing: no line is left, or the time is over. */
export async function beginFinalizing(
  db: Queryable,
  id: BatchId,
  ending: 'expired' | null,
): Promise<BatchRow | undefined> {
  const change = { name: 'finalize', set: ', ending = $4' };
  return moveBatch(db, [id, 'finalizing'], change, [ending]);
}

export type BatchResults = {
  outputFileId: string | null;
  errorFileId: string | null;
  completed: number;
  failed: number;
};

/** finalizing | cancelling → the end that `ending` names, with the files of results. Undefined: it has ended before. */
export async function endBatch(
  tx: Tx,
  { id, ending }: Pick<BatchRow, 'id' | 'ending'>,
  results: BatchResults,
): Promise<BatchRow | undefined> {
  const change = {
    name: 'end',
    set: ', output_file_id = $4, error_file_id = $5, completed = $6, failed = $7',
  };
  const batch = await moveBatch(tx, [id, ending ?? 'completed'], change, [
    results.outputFileId,
    results.errorFileId,
    results.completed,
    results.failed,
  ]);
  if (batch !== undefined) await releaseInput(tx, batch);
  return batch;
}

async function releaseInput(tx: Tx, batch: BatchRow): Promise<void> {
  const { id, input_blob_id: input, resumed_blob_id: resumed } = batch;
  await query(
    tx,
    'batches.release-input',
    'update batches set input_blob_id = null, resumed_blob_id = null where id = $1',
    [id],
  );
  const blobs = [input, resumed].filter((blob) => blob !== null);
  await releaseBlobs(tx, blobs);
}

type Changed = { batch: BatchRow; deliveries: Delivery[] };

/** validating | in_progress → cancelling. A batch that is being cancelled stays as it is. @throws ApiError 404, 400 */
export async function cancelBatch(tx: Tx, projectId: ProjectId, id: BatchId): Promise<Changed> {
  const change = { name: 'cancel', set: `, ending = 'cancelled'`, where: 'project_id = $4' };
  const batch = await moveBatch(tx, [id, 'cancelling'], change, [projectId]);
  if (batch !== undefined) return { batch, deliveries: [await wake(tx, id)] };
  const current = await getBatch(tx, projectId, id);
  if (current.status !== 'cancelling') throw cannotChangeBatch('cancel', current.status);
  return { batch: current, deliveries: [] };
}

/** Pauses or resumes a batch that starts lines, or changes how it does so. @throws ApiError 404, 400 */
export async function changeBatch(
  tx: Tx,
  projectId: ProjectId,
  id: BatchId,
  { window, priority, paused, budget }: BatchChange,
): Promise<Changed> {
  const rows = await query<BatchRow>(
    tx,
    'batches.change',
    `update batches set running_limit = coalesce($3, running_limit), priority = coalesce($4, priority),
       budget = jsonb_strip_nulls(budget || coalesce($6::jsonb, '{}')), paused = coalesce($5, paused), pause_reason = case when $5 then 'requested' when $5 is null then pause_reason end,
       updated_at = clock_timestamp()
     where id = $1 and project_id = $2 and status in ('validating', 'in_progress') returning ${BATCH_COLUMNS}`,
    [
      id,
      projectId,
      window ?? null,
      priority ?? null,
      paused ?? null,
      budget ? toJson(budget) : null,
    ],
  );
  if (rows[0] !== undefined) {
    if (paused === false) await resumeLines(tx, id);
    return { batch: rows[0], deliveries: [await wake(tx, id)] };
  }
  throw cannotChangeBatch('change', (await getBatch(tx, projectId, id)).status);
}

/** Pauses a batch that starts lines, for a reason that the server found. One that is paused keeps its reason. */
export async function pauseBatchFor(
  db: Queryable,
  id: BatchId,
  reason: FoundReason,
): Promise<void> {
  await query(
    db,
    'batches.pause-for',
    `with paused as (
       update batches set paused = true, pause_reason = $2, updated_at = clock_timestamp()
       where id = $1 and status = 'in_progress' and not paused returning id)
     insert into deliveries (run_id, kind, payload, next_attempt_at)
     select id, 'wake', '{"kind": "wake"}'::jsonb, clock_timestamp() from paused`,
    [id, reason],
  );
}

function wake(tx: Tx, id: BatchId): Promise<Delivery> {
  return enqueueDelivery(tx, id, { kind: 'wake' });
}
