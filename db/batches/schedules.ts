/** Schedules as they are stored. Each change commits with a delivery, which brings Temporal's Schedule to what the row says. */
import type { Caller } from '../../wire/admin/scopes.ts';
import type {
  Firing,
  NewSchedule,
  Schedule,
  ScheduleSettings,
} from '../../wire/batches/schedules.ts';
import { schedule } from '../../wire/batches/schedules.ts';
import { tooManySchedules } from '../../wire/errors/errors.ts';
import type { BatchId, KeyId, ProjectId, ScheduleId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { fieldsOf } from '../../wire/objects.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import { toJson } from '../core/json.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { lockLimit } from '../runs/admit-run.ts';
import { readers } from '../core/project-list.ts';
import { found } from '../core/read-by-id.ts';

export type ScheduleRow = {
  id: ScheduleId;
  project_id: ProjectId;
  key_id: KeyId;
  created_at: number;
  settings: ScheduleSettings;
  paused: boolean;
  pause_pending: boolean;
  version: number;
  last_batch_id: BatchId | null;
  last_firing: Firing | null;
};

const SCHEDULE_COLUMNS =
  'id, project_id, key_id, created_at, settings, paused, pause_pending, version, last_batch_id, last_firing';

type Changed = { schedule: ScheduleRow; delivery: Delivery };

/** @throws ApiError 400 */
export async function createSchedule(
  tx: Tx,
  { project, key }: Caller,
  { paused, ...settings }: NewSchedule,
): Promise<Changed> {
  await lockLimit(tx, project);
  const rows = await query<ScheduleRow>(
    tx,
    'schedules.create',
    `insert into schedules (id, project_id, key_id, created_at, settings, paused)
     select $1, id, $3, unix_now(), $4::jsonb, $5 from projects
     where id = $2 and (select count(*) from schedules where project_id = $2) < $6 returning ${SCHEDULE_COLUMNS}`,
    [mintId('schedule'), project, key, toJson(settings), paused, LIMITS.schedules],
  );
  if (rows[0] === undefined) throw tooManySchedules(LIMITS.schedules);
  return withDelivery(tx, rows[0]);
}

async function withDelivery(tx: Tx, schedule: ScheduleRow): Promise<Changed> {
  const { id, project_id: projectId } = schedule;
  return { schedule, delivery: await enqueueDelivery(tx, id, { kind: 'schedule', projectId }) };
}

export const { get: getSchedule, list: listSchedules } = readers(
  'schedule',
  { columns: SCHEDULE_COLUMNS, table: 'schedules', orderBy: 'id' },
  (row: ScheduleRow) => row,
);

/** Undefined: it was deleted. */
export async function lockSchedule(tx: Tx, id: ScheduleId): Promise<ScheduleRow | undefined> {
  const text = `select ${SCHEDULE_COLUMNS} from schedules where id = $1 for update`;
  return (await query<ScheduleRow>(tx, 'schedules.lock', text, [id]))[0];
}

/** The schedule is the caller's key's from now on. @throws ApiError 404 */
export async function pauseSchedule(
  tx: Tx,
  { project, key }: Caller,
  id: ScheduleId,
  paused: boolean,
): Promise<Changed> {
  const rows = await query<ScheduleRow>(
    tx,
    'schedules.pause',
    `update schedules set key_id = $3, version = version + 1, paused = $4, pause_pending = true
     where id = $1 and project_id = $2 returning ${SCHEDULE_COLUMNS}`,
    [id, project, key, paused],
  );
  return withDelivery(tx, found(rows[0], 'schedule', id));
}

/** Batches that it made stay. @throws ApiError 404 */
export async function deleteSchedule(
  tx: Tx,
  project: ProjectId,
  id: ScheduleId,
): Promise<Delivery> {
  const text = `delete from schedules where id = $1 and project_id = $2 returning ${SCHEDULE_COLUMNS}`;
  const rows = await query<ScheduleRow>(tx, 'schedules.delete', text, [id, project]);
  await forgetAnswers(tx, id);
  return (await withDelivery(tx, found(rows[0], 'schedule', id))).delivery;
}

/** The row as Temporal is to have it. Undefined: it was deleted. */
export async function findSchedule(
  db: Queryable,
  id: ScheduleId,
): Promise<ScheduleRow | undefined> {
  const text = `select ${SCHEDULE_COLUMNS} from schedules where id = $1`;
  return (await query<ScheduleRow>(db, 'schedules.find', text, [id]))[0];
}

/** Temporal has this version, and is paused or not. False: the row has changed meanwhile, or is gone. */
export async function markSynced(
  db: Queryable,
  { id, version }: ScheduleRow,
  paused: boolean,
): Promise<boolean> {
  const rows = await query(
    db,
    'schedules.synced',
    `update schedules set paused = $3, pause_pending = false, checked_at = clock_timestamp()
     where id = $1 and version = $2 returning id`,
    [id, version, paused],
  );
  return rows.length > 0;
}

/** Shown as the last firing: there will be none. False: as `markSynced`. */
export async function refuseSchedule(
  db: Queryable,
  { id, version }: ScheduleRow,
  message: string,
): Promise<boolean> {
  const error = { code: 'schedule_refused', message, param: null };
  const rows = await query(
    db,
    'schedules.refuse',
    `update schedules set last_firing = $3::jsonb || jsonb_build_object('at', unix_now()), checked_at = clock_timestamp()
     where id = $1 and version = $2 returning id`,
    [id, version, toJson({ status: 'failed', batch_id: null, error })],
  );
  return rows.length > 0;
}

/** Has the worker look for those that Temporal may have lost. */
export async function checkOldSchedules(db: Queryable): Promise<void> {
  await query(
    db,
    'schedules.check',
    `insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
     select project_id, id, 'schedule', jsonb_build_object('kind', 'schedule', 'projectId', project_id), clock_timestamp()
     from schedules s where checked_at < clock_timestamp() - interval '10 minutes'
       and not exists (select from deliveries d where d.run_id = s.id) limit 100`,
  );
}

/** `seen`: as Temporal has it; undefined while it does not answer, or has not got it. */
export function toSchedule(
  row: ScheduleRow,
  seen?: { paused: boolean; nextAt: number | null },
): Schedule {
  const paused = row.pause_pending ? row.paused : (seen?.paused ?? row.paused);
  const next_firing_at = paused ? null : (seen?.nextAt ?? null);
  const object = 'threadmill.schedule';
  return fieldsOf(schedule, { ...row, ...row.settings, object, paused, next_firing_at });
}
