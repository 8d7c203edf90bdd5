import * as db from '../../../db/batches/schedules.ts';
import { describeSchedule } from '../../../temporal/sync-schedule.ts';
import { schedule } from '../../../wire/batches/schedules.ts';
import { operation } from '../../operation.ts';

/** Whether it is paused, and when it fires next, is asked of Temporal. */
export const getSchedule = operation({
  route: 'GET /threadmill/schedules/{schedule_id}',
  extension: true,
  scope: 'read',
  answer: schedule,
  async read({ context, pool, project, ids: { schedule_id: id } }) {
    const row = await db.getSchedule(pool, project, id);
    return db.toSchedule(row, await describeSchedule(context.temporal, id));
  },
});
