import * as db from '../../../db/batches/schedules.ts';
import { deleted } from '../../../wire/answers.ts';
import { operation } from '../../operation.ts';

const OBJECT = 'threadmill.schedule.deleted';

/** Its batches stay, and those under way go on. */
export const deleteSchedule = operation({
  route: 'DELETE /threadmill/schedules/{schedule_id}',
  extension: true,
  scope: 'run',
  audit: 'schedule.deleted',
  answer: deleted(OBJECT),
  async write({ tx, project, ids: { schedule_id: id } }) {
    const delivery = await db.deleteSchedule(tx, project, id);
    return { object: { id, object: OBJECT, deleted: true as const }, deliveries: [delivery] };
  },
});
