/**
 * Brings Temporal's Schedule to what its row says: makes, pauses or deletes it. Repeating that is harmless, and of two at
 * once the one that reads the newer row ends last. A pause in the Temporal UI stays, unless the API asks for another state.
 */
import type { Client, ScheduleOptions } from '@temporalio/client';
import { ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';

import type { ScheduleRow } from '../db/batches/schedules.ts';
import type { Pool } from '../db/core/pool.ts';
import { findSchedule, markSynced, refuseSchedule } from '../db/batches/schedules.ts';
import type { ScheduleId } from '../wire/ids.ts';
import type { ScheduledBatchInput } from '../workflows/signals.ts';
import { refusalOf } from './when-there.ts';

type Parts = { pool: Pool; client: Client; taskQueue: string };

/** @throws when Temporal cannot be reached, or another call is making the Schedule */
export async function syncSchedule(parts: Parts, id: ScheduleId): Promise<'accepted'> {
  for (let isOld = false; ; isOld = true) {
    const row = await findSchedule(parts.pool, id);
    if (row === undefined) await deleteSchedule(parts.client, id);
    // What was done for an older row may have undone what another call has done for this one.
    else if (!(await bring(parts, { ...row, pause_pending: row.pause_pending || isOld }))) continue;
    return 'accepted';
  }
}

/** False: the row has changed meanwhile. */
async function bring(parts: Parts, row: ScheduleRow): Promise<boolean> {
  try {
    return await markSynced(parts.pool, row, await put(parts, row));
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === undefined) throw error;
    return refuseSchedule(parts.pool, row, `Temporal refuses the schedule: ${reason}`);
  }
}

async function deleteSchedule({ schedule }: Client, id: ScheduleId): Promise<void> {
  await schedule.getHandle(id).delete().catch(unlessNotFound);
}

function unlessNotFound(error: unknown): undefined {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
  return undefined;
}

/** Returns whether the Schedule is paused now. */
async function put(parts: Parts, row: ScheduleRow): Promise<boolean> {
  const { schedule } = parts.client;
  const { id, paused, pause_pending } = row;
  const handle = schedule.getHandle(id);
  const found = await handle.describe().catch(unlessNotFound);
  if (found === undefined) await schedule.create({ ...optionsOf(parts, row), state: { paused } });
  else if (!pause_pending) return found.state.paused;
  else if (paused) await handle.pause();
  else await handle.unpause();
  return paused;
}

/** Workflows of firings end at once, so they never overlap: whether batches may is decided in PostgreSQL. */
function optionsOf({ taskQueue }: Parts, { id, project_id, settings }: ScheduleRow) {
  const { cron, time_zone: timezone, catchup_seconds } = settings;
  const input: ScheduledBatchInput = { v: 1, scheduleId: id };
  return {
    scheduleId: id,
    spec: { timezone, cronExpressions: [cron] },
    action: {
      type: 'startWorkflow',
      workflowType: 'scheduledBatchWorkflow',
      workflowId: id,
      taskQueue,
      args: [input],
      staticSummary: `batch of ${settings.template.endpoint}`,
      staticDetails: `Schedule \`${id}\`, project \`${project_id}\`.`,
    },
    policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: catchup_seconds * 1_000 },
  } satisfies ScheduleOptions;
}

/** A request that shows a schedule waits no longer for Temporal. */
const PATIENCE_MS = 1_000;

/** Undefined: Temporal does not answer, or does not have it yet. */
export async function describeSchedule(
  { schedule, connection }: Client,
  id: ScheduleId,
): Promise<{ paused: boolean; nextAt: number | null } | undefined> {
  const describe = () => schedule.getHandle(id).describe();
  const found = await connection
    .withDeadline(Date.now() + PATIENCE_MS, describe)
    .catch(() => undefined);
  if (found === undefined) return undefined;
  const [next] = found.info.nextActionTimes;
  return { paused: found.state.paused, nextAt: next ? next.getTime() / 1_000 : null };
}
