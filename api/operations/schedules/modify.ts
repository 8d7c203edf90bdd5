import * as db from '../../../db/batches/schedules.ts';
import { modifyScheduleSchema, schedule } from '../../../wire/batches/schedules.ts';
import { operation } from '../../operation.ts';

/** Pauses it, or ends a pause. */
export const modifySchedule = operation({
  route: 'POST /threadmill/schedules/{schedule_id}',
  extension: true,
  scope: 'run',
  audit: 'schedule.updated',
  body: modifyScheduleSchema,
  answer: schedule,
  async write({ tx, caller, ids, body }) {
    const { schedule: row, delivery } = await db.pauseSchedule(
      tx,
      caller,
      ids.schedule_id,
      body.paused,
    );
    return { object: db.toSchedule(row), deliveries: [delivery] };
  },
});
