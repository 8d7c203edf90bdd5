/** Batches as they are stored: made, read, listed. What moves them on is in transitions.ts. */
import { notABatchFile } from '../../wire/errors/errors.ts';
import type { BatchId, FileId, KeyId, ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { toBatch, toRun } from '../../wire/objects.ts';
import type { CreateBatchParams } from '../../wire/batches/requests.ts';
import { windowSeconds } from '../../wire/batches/requests.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type { BatchRow, FileRow } from '../../wire/rows.ts';
import type { Caller } from '../../wire/admin/scopes.ts';
import type { Batch, ListEnvelope, Run } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { readers } from '../core/project-list.ts';
import { getFileRow, lockFiles } from '../files/files.ts';
import { CURRENT_WINDOW } from './hold-turns.ts';
import { SPENT } from './spend.ts';
import { restartPassing } from './passed-lines.ts';
import type { ResumedBatch } from './resume.ts';
import { resumeFrom } from './resume.ts';
import { RUN_COLUMNS } from '../runs/read-runs.ts';

/** Lines are counted until the end stores their numbers. */
const counted = (column: 'completed' | 'failed') =>
  `coalesce(${column}, (select count(*)::integer from batch_lines l
     where l.batch_id = batches.id and l.state = '${column}')) as ${column}`;

export const BATCH_COLUMNS = `id, project_id, created_at, endpoint, input_file_id, input_blob_id, completion_window, metadata,
  output_expires_after, status, ending, expires_at, in_progress_at, finalizing_at, completed_at, failed_at, expired_at,
  cancelling_at, cancelled_at, errors, output_file_id, error_file_id, checked_chunk, checked_offset, checked_lines, total, ${SPENT}, budget,
  running_limit, ${CURRENT_WINDOW()} as current_window, priority, paused,
  case when paused then coalesce(pause_reason, 'requested') end as pause_reason, on_requires_action,
  resume_from, resumed_blob_id, resumed, dry_run, estimate,
  (expires_at - unix_now()) as seconds_left, ${counted('completed')}, ${counted('failed')}`;

/**
 * Makes a batch of a file. Its workflow reads the file.
 * @throws ApiError 404; 400 for a file that cannot be the input, or a batch that cannot be resumed
 */
export async function createBatch(
  tx: Tx,
  { project: projectId, key }: Pick<Caller, 'project' | 'key'>,
  params: NewBatch['params'],
): Promise<{ batch: Batch; delivery: Delivery }> {
  const fileId = params.input_file_id as FileId;
  await lockFiles(tx, projectId, [fileId]);
  const file = await getFileRow(tx, projectId, fileId);
  checkInput(file);
  const from = await resumeFrom(tx, projectId, params['x-threadmill'].resume_from);
  const batch = await insertBatch(tx, [projectId, key], { file, from, params });
  return { batch: toBatch(batch), delivery: await enqueueStart(tx, batch) };
}

function enqueueStart(tx: Tx, batch: BatchRow): Promise<Delivery> {
  const { id, project_id: projectId, endpoint } = batch;
  return enqueueDelivery(tx, id, { kind: 'batch', projectId, endpoint });
}

/** Gives a batch whose workflow was lost a new start. */
export async function restartBatch(tx: Tx, id: BatchId): Promise<void> {
  const batch = await findBatch(tx, id);
  if (batch === undefined) return;
  await enqueueStart(tx, batch);
  await restartPassing(tx, id);
}

function checkInput({ id, purpose, bytes }: FileRow): void {
  if (purpose !== 'batch') {
    throw notABatchFile(`file ${id} has the purpose '${purpose}'. Expected 'batch'.`);
  }
  if (bytes > LIMITS.batchBytes) {
    throw notABatchFile(`file ${id} has more than ${LIMITS.batchBytes} bytes.`);
  }
}

type NewBatch = {
  file: FileRow;
  from: ResumedBatch;
  /** `dryRun`: the input is read, an estimate is made, and no line runs. */
  params: CreateBatchParams & { dryRun?: boolean };
};

async function insertBatch(
  tx: Tx,
  [projectId, key]: [ProjectId, KeyId],
  { file, from, params }: NewBatch,
): Promise<BatchRow> {
  const { 'x-threadmill': settings } = params;
  const rows = await query<BatchRow>(
    tx,
    'batches.create',
    `insert into batches (id, project_id, key_id, created_at, endpoint, input_file_id, input_blob_id, completion_window, metadata,
       output_expires_after, status, expires_at, running_limit, priority, paused, on_requires_action,
       resume_from, resumed_blob_id, budget, dry_run)
     select $1, $2, $14, moment, $3, $4, $5, $6, $7::jsonb, $8, 'validating', moment + $9, $10, $11, $12, $13, $15, $16,
       jsonb_strip_nulls($17::jsonb), $18
     from unix_now() as moment returning ${BATCH_COLUMNS}`,
    [
      mintId('batch'),
      projectId,
      params.endpoint,
      file.id,
      file.blob_id,
      params.completion_window,
      toJson(params.metadata),
      params.output_expires_after?.seconds ?? null,
      windowSeconds(params.completion_window),
      settings.window,
      settings.priority,
      settings.paused,
      settings.on_requires_action,
      key,
      from.id,
      from.blobId,
      toJson(settings.budget),
      params.dryRun ?? false,
    ],
  );
  return rows[0]!;
}

export const { get: getBatch, list: listBatches } = readers(
  'batch',
  { columns: BATCH_COLUMNS, table: 'batches', orderBy: 'id' },
  toBatch,
);

/** Its workflow knows only the id. */
export async function findBatch(db: Queryable, id: BatchId): Promise<BatchRow | undefined> {
  const text = `select ${BATCH_COLUMNS} from batches where id = $1`;
  return (await query<BatchRow>(db, 'batches.find', text, [id]))[0];
}

/** Runs that are lines of the batch and wait for their client, in the order of the lines: the earliest is first. */
export async function listWaitingRuns(
  db: Queryable,
  projectId: ProjectId,
  id: BatchId,
  page: Pick<ListQuery, 'limit' | 'after'>,
): Promise<ListEnvelope<Run>> {
  await getBatch(db, projectId, id);
  const source = {
    name: 'batches.waiting',
    columns: RUN_COLUMNS,
    table: 'runs',
    scope: { batch_id: id, project_id: projectId },
    filter: { where: `status = 'requires_action'`, values: [] },
    orderBy: 'id',
  } as const;
  return listPage(db, source, { ...page, order: 'asc' }, toRun);
}
