import * as db from '../../../db/batches/schedules.ts';
import { createScheduleSchema, schedule } from '../../../wire/batches/schedules.ts';
import { operation } from '../../operation.ts';

export const createSchedule = operation({
  route: 'POST /threadmill/schedules',
  extension: true,
  scope: 'run',
  audit: 'schedule.created',
  body: createScheduleSchema,
  answer: schedule,
  idempotent: true,
  async write({ tx, caller, body }) {
    const { schedule: row, delivery } = await db.createSchedule(tx, caller, body);
    return { object: db.toSchedule(row), deliveries: [delivery] };
  },
});
