/**
 * Repairs what runs no code: a workflow that was terminated in the UI, a Temporal whose data was lost, a run past its
 * deadline with no worker to say so. Temporal is asked about quiet runs only; Postgres decides every race.
 */
import { log } from '@temporalio/activity';

import { finalizeRun } from '../db/finalize.ts';
import type { SuspectRun } from '../db/maintenance.ts';
import { deleteOldPlaces } from '../db/list-places.ts';
import { forgetOldResponses } from '../db/passed-responses.ts';
import {
  deleteOldIdempotencyKeys,
  listSuspectRuns,
  restartRun,
  rotateEventPartitions,
  tidyFiles,
  touchRun,
} from '../db/maintenance.ts';
import { isBusy, isUnavailable } from '../db/pool.ts';
import { eraseDue } from '../db/run-events.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { reconcileIngests } from './reconcile-ingests.ts';

/** Longer than any healthy pause between two writes of a run that is being worked on. */
const QUIET_SECONDS = 45;
/** A pass asks Temporal about so many runs; the longest quiet come first. */
const BATCH = 200;

/** A pass that meets an outage of the database is left to the next one. */
export async function reconcile(deps: ActivityDependencies): Promise<{ repaired: number }> {
  try {
    return await pass(deps);
  } catch (error) {
    if (!isUnavailable(error) && !isBusy(error)) throw error;
    log.warn('The pass was given up', { reason: (error as Error).message });
    return { repaired: 0 };
  }
}

async function pass(deps: ActivityDependencies): Promise<{ repaired: number }> {
  await rotateEventPartitions(deps.pool);
  await deleteOldIdempotencyKeys(deps.pool);
  await deleteOldPlaces(deps.pool);
  await forgetOldResponses(deps.pool);
  await tidyFiles(deps.pool);
  await eraseDue(deps.pool);
  let repaired = 0;
  for (const run of await listSuspectRuns(deps.pool, QUIET_SECONDS, BATCH)) {
    if (await repair(deps, run)) repaired += 1;
  }
  return { repaired: repaired + (await reconcileIngests(deps)) };
}

async function repair(deps: ActivityDependencies, run: SuspectRun): Promise<boolean> {
  const workflow = await deps.describeWorkflow(run.id);
  if (run.overdue) {
    await finalizeRun(deps.pool, run.id, { status: 'expired' });
  } else if (workflow === 'running') {
    await touchRun(deps.pool, run.id);
    return false;
  } else if (workflow === 'missing' && run.status !== 'cancelling') {
    await restartRun(deps.pool, run.id);
  } else {
    const message = 'The run was terminated by an operator.';
    await finalizeRun(deps.pool, run.id, {
      status: 'failed',
      error: { code: 'server_error', message },
    });
  }
  log.warn('Repaired a run', {
    run_id: run.id,
    status: run.status,
    workflow,
    overdue: run.overdue,
  });
  return true;
}
