/** The state of the workflow of a run or an ingest, as Temporal knows it. */
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';

export type WorkflowState = 'running' | 'closed' | 'missing';

export async function describeWorkflow(client: Client, workflowId: string): Promise<WorkflowState> {
  try {
    const description = await client.workflow.getHandle(workflowId).describe();
    return description.status.name === 'RUNNING' ? 'running' : 'closed';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'missing';
    throw error;
  }
}

/**
 * Ids of the workflows of runs and of lines that ended without running code in the last minutes, such as by _Terminate_. The list lags behind,
 * and a call that comes too late misses some: it only brings forward what `describeWorkflow` decides.
 */
export async function listCutOff(client: Client, taskQueue: string): Promise<string[]> {
  const since = new Date(Date.now() - 120_000).toISOString();
  const query =
    `WorkflowType IN ('runWorkflow', 'passLineWorkflow') AND TaskQueue = '${taskQueue}' AND ` +
    `ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed') AND CloseTime > '${since}'`;
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  return ids;
}
