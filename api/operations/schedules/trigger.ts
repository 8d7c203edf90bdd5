import { makeBatch } from '../../../db/batches/fire-schedule.ts';
import { lockSchedule } from '../../../db/batches/schedules.ts';
import { found } from '../../../db/core/read-by-id.ts';
import { batch } from '../../../wire/batches/answers.ts';
import { mintId } from '../../../wire/ids.ts';
import { operation } from '../../operation.ts';

/** Makes a batch now, also while the schedule is paused or its last batch is under way. */
export const triggerSchedule = operation({
  route: 'POST /threadmill/schedules/{schedule_id}/trigger',
  extension: true,
  scope: 'run',
  audit: 'schedule.triggered',
  answer: batch,
  idempotent: true,
  async write({ tx, project, ids: { schedule_id: id } }) {
    const schedule = found(await lockSchedule(tx, id, project), 'schedule', id);
    const { batch: object, delivery } = await makeBatch(tx, schedule, mintId('request'));
    return {
      object,
      deliveries: [delivery],
      audited: { project: schedule.project_id, resource: id },
    };
  },
});
