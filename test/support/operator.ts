/** What an operator does to a run's workflow in the Temporal UI, and a pass of the reconciler that need not be waited for. */
import { randomUUID } from 'node:crypto';

import type { Pool } from '../../db/core/pool.ts';
import type { RunRef, System } from './durable-run.ts';
import { eventually } from './durable-run.ts';

/** Lets the reconciler look at the run now, as if nothing had touched it for a minute. */
export async function reconcileNow(env: System, { runId }: RunRef): Promise<void> {
  const back = `update runs set updated_at = updated_at - interval '1 minute' where id = $1`;
  await env.pool.query(back, [runId]);
  await passNow(env.pool);
}

/** Makes the passes of the reconciler due. */
export async function passNow(pool: Pool): Promise<void> {
  await pool.query(`update passes set next_at = '-infinity'`);
}

/** Deletes the workflow and its history, as if Temporal's data had been lost. */
export async function loseWorkflow(
  env: Pick<System, 'temporal'>,
  { runId }: Pick<RunRef, 'runId'>,
): Promise<void> {
  await env.temporal.workflowService.deleteWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: runId },
  });
  await eventually(async () => {
    const gone = await env.temporal.workflow
      .getHandle(runId)
      .describe()
      .then(
        () => false,
        () => true,
      );
    if (!gone) throw new Error('The workflow is still there.');
  });
}

/** Resets the workflow to its beginning: everything after its first workflow task happens again. */
export async function resetWorkflow(env: System, { runId }: RunRef): Promise<void> {
  const { events } = await env.temporal.workflow.getHandle(runId).fetchHistory();
  const first = events?.find((event) => event.workflowTaskCompletedEventAttributes);
  await env.temporal.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: runId },
    reason: 'a test',
    workflowTaskFinishEventId: first!.eventId!,
    requestId: randomUUID(),
  });
}
