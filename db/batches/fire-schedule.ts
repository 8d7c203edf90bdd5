/** A firing of a schedule becomes a batch, in one transaction with what the schedule shows of it. */
import type { CreateBatchParams } from '../../wire/batches/requests.ts';
import { createBatchSchema } from '../../wire/batches/requests.ts';
import { hasEnded } from '../../wire/batches/batch-status.ts';
import type { Firing } from '../../wire/batches/schedules.ts';
import { ApiError, keyOfScheduleEnded, noFileNamed } from '../../wire/errors/errors.ts';
import type { BatchId, ProjectId, ScheduleId } from '../../wire/ids.ts';
import { parseBody } from '../../wire/requests/body.ts';
import type { Batch } from '../../wire/types.ts';
import type { Delivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { newestFileNamed } from '../files/find-files.ts';
import { IS_ACTIVE } from '../projects/api-keys.ts';
import { createBatch, findBatch } from './batches.ts';
import type { ScheduleRow } from './schedules.ts';
import { lockSchedule } from './schedules.ts';
import { cancelBatch } from './transitions.ts';

type Fired = { firing: Omit<Firing, 'at'>; deliveries: Delivery[] };

/** `firing`: one of them makes one batch. Undefined: the schedule was deleted. */
export async function fireSchedule(
  tx: Tx,
  id: ScheduleId,
  firing: string,
): Promise<Fired | undefined> {
  const schedule = await lockSchedule(tx, id, null);
  if (schedule === undefined) return undefined;
  const made = await findFired(tx, firing);
  if (made !== undefined) return { firing: created(made), deliveries: [] };
  await tx.query('savepoint firing');
  try {
    return await fire(tx, schedule, firing);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    await tx.query('rollback to savepoint firing');
    const { code, message, param } = error;
    const failed = { status: 'failed', batch_id: null, error: { code, message, param } } as const;
    await record(tx, id, failed);
    return { firing: failed, deliveries: [] };
  }
}

const created = (batchId: BatchId) =>
  ({ status: 'created', batch_id: batchId, error: null }) as const;

async function findFired(tx: Tx, firing: string): Promise<BatchId | undefined> {
  const text = 'select id from batches where firing = $1';
  return (await query<{ id: BatchId }>(tx, 'schedules.fired', text, [firing]))[0]?.id;
}

/** @throws ApiError */
async function fire(tx: Tx, schedule: ScheduleRow, firing: string): Promise<Fired> {
  const { id, project_id: project, settings, last_batch_id: lastId } = schedule;
  const last = lastId === null ? undefined : await findBatch(tx, lastId);
  const overlaps = last !== undefined && !hasEnded(last.status);
  if (overlaps && settings.overlap === 'skip') {
    const skipped = { status: 'skipped', batch_id: last.id, error: null } as const;
    await record(tx, id, skipped);
    return { firing: skipped, deliveries: [] };
  }
  const { batch, delivery } = await makeBatch(tx, schedule, firing);
  const cancels = overlaps && settings.overlap === 'cancel_other' && last.status !== 'finalizing';
  const { deliveries } = cancels ? await cancelBatch(tx, project, last.id) : { deliveries: [] };
  return { firing: created(batch.id), deliveries: [delivery, ...deliveries] };
}

/** As `POST /v1/batches` does, with the schedule's key. @throws ApiError */
export async function makeBatch(
  tx: Tx,
  { id, project_id: project, key_id: key, settings }: ScheduleRow,
  firing: string,
): Promise<{ batch: Batch; delivery: Delivery }> {
  const keys = `select from api_keys where id = $1 and ${IS_ACTIVE}`;
  if ((await query(tx, 'schedules.key', keys, [key])).length === 0) throw keyOfScheduleEnded();
  const made = await createBatch(tx, { project, key }, await paramsOf(tx, id, project, settings));
  const text = 'update batches set firing = $2 where id = $1';
  await query(tx, 'schedules.bind', text, [made.batch.id, firing]);
  await record(tx, id, created(made.batch.id));
  return made;
}

/** The template is parsed again: a later version of this server may have added fields, or have other limits. */
async function paramsOf(
  tx: Tx,
  id: ScheduleId,
  project: ProjectId,
  { template }: ScheduleRow['settings'],
): Promise<CreateBatchParams> {
  const { input_filename: name, ...fixed } = template;
  const input_file_id =
    name === undefined ? fixed.input_file_id : await newestFileNamed(tx, project, name);
  if (input_file_id === undefined) throw noFileNamed(name!);
  const metadata = { ...template.metadata, schedule_id: id };
  return parseBody(createBatchSchema, { ...fixed, input_file_id, metadata });
}

async function record(tx: Tx, id: ScheduleId, firing: Omit<Firing, 'at'>): Promise<void> {
  await query(
    tx,
    'schedules.record',
    `update schedules set last_firing = $2::jsonb || jsonb_build_object('at', unix_now()),
       last_batch_id = coalesce($3, last_batch_id) where id = $1`,
    [id, toJson(firing), firing.status === 'created' ? firing.batch_id : null],
  );
}
