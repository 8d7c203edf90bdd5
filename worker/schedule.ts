/** 0.1.0 started the reconciler's passes by a schedule, each as a workflow in the list. A worker does them by itself. */
import type { Client } from '@temporalio/client';
import { ScheduleNotFoundError } from '@temporalio/client';

/** A pass under way still ends: `workflows/reconcile.ts`. */
export async function deleteOldSchedule(client: Client, taskQueue: string): Promise<void> {
  try {
    await client.schedule.getHandle(`${taskQueue}-reconcile`).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}
