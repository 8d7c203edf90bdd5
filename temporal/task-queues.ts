/** The task queues of a deployment: what waits in them, and who works on them. */
import type { Client } from '@temporalio/client';

import {
  batchTaskQueue,
  crowdedTaskQueue,
  ingestTaskQueue,
  webhookTaskQueue,
} from '../workflows/signals.ts';

const PATIENCE_MS = 2_000;

/** `TaskQueueType` of Temporal's API. */
const TYPES = { workflow: 1, activity: 2 } as const;
type Kind = keyof typeof TYPES;

/** Of one kind of tasks in one queue. */
export type TaskQueueState = {
  name: string;
  kind: Kind;
  backlog: number;
  oldest_seconds: number;
  tasks_per_second: number;
  workers: { identity: string; build: string | null; last_seen_at: number }[];
};

/** Rejects when Temporal does not answer in time. */
export function describeTaskQueues(client: Client, taskQueue: string): Promise<TaskQueueState[]> {
  const { connection, options, workflowService } = client;
  const describe = async (name: string, kind: Kind): Promise<TaskQueueState> => {
    const { stats, pollers } = await workflowService.describeTaskQueue({
      namespace: options.namespace,
      taskQueue: { name },
      taskQueueType: TYPES[kind],
      reportStats: true,
    });
    return {
      name,
      kind,
      backlog: Number(stats?.approximateBacklogCount ?? 0),
      oldest_seconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
      tasks_per_second: stats?.tasksDispatchRate ?? 0,
      workers: pollers.map((poller) => ({
        identity: poller.identity ?? '',
        build:
          poller.deploymentOptions?.buildId || poller.workerVersionCapabilities?.buildId || null,
        last_seen_at: Number(poller.lastAccessTime?.seconds ?? 0),
      })),
    };
  };
  return connection.withDeadline(Date.now() + PATIENCE_MS, () =>
    Promise.all([
      describe(taskQueue, 'workflow'),
      describe(taskQueue, 'activity'),
      describe(crowdedTaskQueue(taskQueue), 'activity'),
      describe(batchTaskQueue(taskQueue), 'activity'),
      describe(ingestTaskQueue(taskQueue), 'activity'),
      describe(webhookTaskQueue(taskQueue), 'activity'),
    ]),
  );
}
