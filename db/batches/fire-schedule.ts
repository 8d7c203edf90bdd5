/** A firing of a schedule becomes a batch, in one transaction with what the schedule shows of it. */
import { createBatchSchema } from '../../wire/batches/requests.ts';
import { hasEnded } from '../../wire/batches/batch-status.ts';
import type { Firing } from '../../wire/batches/schedules.ts';
import { ApiError, keyOfScheduleEnded } from '../../wire/errors/errors.ts';
import type { BatchId, ScheduleId } from '../../wire/ids.ts';
import { parseBody } from '../../wire/requests/body.ts';
import type { Delivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { IS_ACTIVE } from '../projects/api-keys.ts';
import { createBatch, findBatch } from './batches.ts';
import type { ScheduleRow } from './schedules.ts';
import { lockSchedule } from './schedules.ts';

type Fired = { firing: Omit<Firing, 'at'>; deliveries: Delivery[] };

/** `firing`: one of them makes one batch. Undefined: the schedule was deleted. */
export async function fireSchedule(
  tx: Tx,
  id: ScheduleId,
  firing: string,
): Promise<Fired | undefined> {
  const schedule = await lockSchedule(tx, id);
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

/** A batch as `POST /v1/batches` makes it, with the schedule's key, unless the one before is under way. @throws ApiError */
async function fire(
  tx: Tx,
  { id, project_id: project, key_id: key, settings, last_batch_id: lastId }: ScheduleRow,
  firing: string,
): Promise<Fired> {
  const last = lastId === null ? undefined : await findBatch(tx, lastId);
  if (last !== undefined && !hasEnded(last.status)) {
    const skipped = { status: 'skipped', batch_id: last.id, error: null } as const;
    await record(tx, id, skipped);
    return { firing: skipped, deliveries: [] };
  }
  const keys = `select from api_keys where id = $1 and ${IS_ACTIVE}`;
  if ((await query(tx, 'schedules.key', keys, [key])).length === 0) throw keyOfScheduleEnded();
  // Parsed again: a later version of this server may have added fields, or have other limits.
  const metadata = { ...settings.template.metadata, schedule_id: id };
  const params = parseBody(createBatchSchema, { ...settings.template, metadata });
  const { batch, delivery } = await createBatch(tx, { project, key }, params);
  const text = 'update batches set firing = $2 where id = $1';
  await query(tx, 'schedules.bind', text, [batch.id, firing]);
  await record(tx, id, created(batch.id));
  return { firing: created(batch.id), deliveries: [delivery] };
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
