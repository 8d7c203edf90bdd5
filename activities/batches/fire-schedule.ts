/** Makes the batch of a firing, once. What the API would refuse is shown with the schedule. */
import { fireSchedule as fire } from '../../db/batches/fire-schedule.ts';
import { withTransaction } from '../../db/core/pool.ts';
import type { Firing } from '../../wire/batches/schedules.ts';
import type { ProjectId, ScheduleId } from '../../wire/ids.ts';
import type { ActivityDependencies } from '../dependencies.ts';

export type FiringResult = Pick<Firing, 'batch_id'> & { status: Firing['status'] | 'deleted' };

export async function fireSchedule(
  { pool, dispatcher }: ActivityDependencies,
  id: ScheduleId,
  firing: string,
): Promise<FiringResult> {
  const fired = await withTransaction(pool, (tx) => fire(tx, id, firing));
  if (fired === undefined) {
    // Its deletion did not reach Temporal, such as that of a project: the row of the delivery is gone too.
    const payload = { kind: 'schedule', projectId: '' as ProjectId } as const;
    dispatcher.dispatch({ id: 0, workflowId: id, payload });
    return { status: 'deleted', batch_id: null };
  }
  for (const delivery of fired.deliveries) dispatcher.dispatch(delivery);
  const { status, batch_id } = fired.firing;
  return { status, batch_id };
}
