import * as db from '../../../db/batches/schedules.ts';
import { describeSchedule } from '../../../temporal/sync-schedule.ts';
import { listOf } from '../../../wire/answers.ts';
import { schedule } from '../../../wire/batches/schedules.ts';
import { listBatchesQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';

export const listSchedules = operation({
  route: 'GET /threadmill/schedules',
  extension: true,
  scope: 'read',
  query: listBatchesQuery,
  answer: listOf(schedule),
  async read({ context: { temporal }, pool, project, query }) {
    const { data, ...page } = await db.listSchedules(pool, project, query);
    const seen = await Promise.all(data.map(({ id }) => describeSchedule(temporal, id)));
    return { ...page, data: data.map((row, index) => db.toSchedule(row, seen[index])) };
  },
});
