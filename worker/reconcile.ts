/**
 * Repairs what runs no code: a workflow that was terminated in the UI, a Temporal whose data was lost, a run past its
 * deadline with no worker to say so. Postgres decides every race, and which worker makes the next pass: no workflow is
 * needed for it, and it goes on when Temporal has lost its data (docs/decisions/reconciler.md).
 */
import { restartBatch } from '../db/batches/batches.ts';
import { listPassing, restartPassing } from '../db/batches/passed-lines.ts';
import { checkOldSchedules } from '../db/batches/schedules.ts';
import { listUpstreamModels } from '../db/batches/upstream-batches.ts';
import { forgetSettledTurns } from '../db/batches/upstream-turns.ts';
import { keepBatch } from '../db/batches/spend.ts';
import { withTransaction } from '../db/core/pool.ts';
import { finalizeRun } from '../db/runs/finalize.ts';
import { startStalledRuns } from '../db/threads/start-next.ts';
import type { SuspectRun } from '../db/maintenance.ts';
import { deleteOldPlaces } from '../db/core/list-places.ts';
import { forgetOldResponses } from '../db/projects/passed-responses.ts';
import { sumUsage } from '../db/projects/usage.ts';
import { sumRowBytes } from '../db/projects/stored-bytes.ts';
import { forgetFullBuckets } from '../db/projects/rate-buckets.ts';
import {
  deleteOldIdempotencyKeys,
  listActiveRuns,
  listSuspectBatches,
  listSuspectRuns,
  restartRun,
  rotateEventPartitions,
  takePass,
  tidyFiles,
  touchRun,
} from '../db/maintenance.ts';
import { inProject, inWholeDatabase } from '../db/core/row-scope.ts';
import { eraseClosedProjects } from '../db/projects/erase-project.ts';
import { tidyDeliveries } from '../db/webhooks/deliveries.ts';
import { deleteIdleThreads, deleteOldRuns } from '../db/threads/retention.ts';
import { repaired as countRepair } from '../telemetry/metrics.ts';
import { eraseDue } from '../db/events/erase-events.ts';
import { describeWorkflow, listCutOff } from '../temporal/describe.ts';
import { wakeUpstream } from '../temporal/deliver.ts';
import { startLoop } from '../temporal/loop.ts';
import { upstreamWorkflowId } from '../workflows/signals.ts';
import { reconcileIngests } from './reconcile-ingests.ts';
import type { Reconciler } from './reconcile-ingests.ts';

/** How often a worker asks whether a pass is due. */
const ASK_MS = 1_000;
const REPAIR_SECONDS = 10;
const TIDY_SECONDS = 30;
/** Longer than most pauses between two writes of a run that is being worked on: asking about a healthy one is only a cost. */
const QUIET_SECONDS = 30;
/** A pass asks Temporal about so many quiet runs; the longest quiet come first. */
const BATCH = 100;
/** Of these so many wait for their clients: thousands of them are no work as long as none was lost. */
const PARKED = 5;

/** The returned function stops it after the pass under way. */
export function startReconciler(parts: Reconciler): () => Promise<void> {
  const pass = async () => {
    if (await takePass(parts.pool, 'repair', REPAIR_SECONDS)) {
      await repairRuns(parts);
      await repairBatches(parts);
      await startStalledRuns(parts.pool);
      await repairUpstream(parts);
    }
    if (await takePass(parts.pool, 'tidy', TIDY_SECONDS)) await tidy(parts);
    return false;
  };
  return inWholeDatabase(() =>
    startLoop('A pass of the reconciler was given up', ASK_MS, parts.log, pass),
  );
}

async function tidy(parts: Reconciler): Promise<void> {
  const { pool } = parts;
  await rotateEventPartitions(pool);
  await deleteOldIdempotencyKeys(pool);
  await deleteOldPlaces(pool);
  await forgetOldResponses(pool);
  await forgetFullBuckets(pool);
  await sumRowBytes(pool);
  await sumUsage(pool);
  await tidyFiles(pool);
  await eraseDue(pool);
  await eraseClosedProjects(pool);
  await deleteIdleThreads(pool, parts.threadTtlDays);
  await deleteOldRuns(pool, parts.runTtlDays);
  await checkOldSchedules(pool);
  await forgetSettledTurns(pool);
  await tidyDeliveries(pool);
  await reconcileIngests(parts);
}

/** A batch whose workflow ended before it did goes on in another: also one that was terminated. A cancel is what ends it. */
async function repairBatches({ pool, client, log }: Reconciler): Promise<void> {
  for (const { id, project } of await listSuspectBatches(pool, QUIET_SECONDS, BATCH)) {
    const workflow = await describeWorkflow(client, id);
    await inProject(project, () => keepBatch(pool, id));
    if (workflow === 'running') continue;
    await inProject(project, () => withTransaction(pool, (tx) => restartBatch(tx, id)));
    countRepair('batch', workflow);
    log.warn({ batch_id: id, workflow }, 'Repaired a batch');
  }
}

/** Turns wait for batches at a model server, and the workflow that makes them was lost. */
async function repairUpstream({ pool, client, taskQueue, log }: Reconciler): Promise<void> {
  for (const model of await listUpstreamModels(pool)) {
    const workflow = await describeWorkflow(client, upstreamWorkflowId(taskQueue, model));
    if (workflow === 'running') continue;
    await wakeUpstream({ client, taskQueue }, model);
    log.info({ model, workflow }, 'Went on with the batches at a model server');
  }
}

async function repairRuns(parts: Reconciler): Promise<void> {
  const { pool, client, taskQueue } = parts;
  const cutOff = await listCutOff(client, taskQueue);
  await repairAll(parts, await listActiveRuns(pool, cutOff));
  await repairLines(parts, cutOff);
  for (let parked = PARKED; ; parked = BATCH) {
    const suspects = await listSuspectRuns(pool, QUIET_SECONDS, BATCH, parked);
    const repaired = await repairAll(parts, suspects);
    // Where one workflow was lost, all may be.
    if (repaired === 0 || suspects.length < BATCH) return;
  }
}

/** A line without a run that an operator has terminated is asked for again: a cancel of its batch is what ends it. */
async function repairLines({ pool, log }: Reconciler, cutOff: string[]): Promise<void> {
  for (const { batchId, line, project } of await listPassing(pool, cutOff)) {
    await inProject(project, () => restartPassing(pool, batchId, line));
    log.warn({ batch_id: batchId, line }, 'Repaired a line');
  }
}

async function repairAll(parts: Reconciler, suspects: SuspectRun[]): Promise<number> {
  let repaired = 0;
  for (const run of suspects) {
    if (await inProject(run.project, () => repair(parts, run))) repaired += 1;
  }
  return repaired;
}

async function repair({ pool, client, log }: Reconciler, run: SuspectRun): Promise<boolean> {
  const { id, status, overdue } = run;
  const workflow = await describeWorkflow(client, id);
  if (overdue) {
    await finalizeRun(pool, id, { status: 'expired' });
  } else if (workflow === 'running') {
    await touchRun(pool, id);
    return false;
  } else if (workflow === 'missing' && status !== 'cancelling') {
    await restartRun(pool, id);
  } else {
    const message = 'The run was terminated by an operator.';
    await finalizeRun(pool, id, { status: 'failed', error: { code: 'server_error', message } });
  }
  countRepair('run', workflow);
  log.warn({ run_id: id, status, workflow, overdue }, 'Repaired a run');
  return true;
}
