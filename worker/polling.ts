/** The connection to Temporal, and the Temporal workers that poll on it. */
import { hostname } from 'node:os';

import type { WorkerOptions as WorkerSettings } from '@temporalio/worker';
import { NativeConnection, Worker } from '@temporalio/worker';

import packageJson from '../package.json' with { type: 'json' };
import type { ActivityDependencies } from '../activities/index.ts';
import {
  createActivities,
  createIngestActivities,
  createLineActivities,
  createTurnActivities,
  createWebhookActivities,
} from '../activities/index.ts';
import { WEBHOOK_SLOTS } from '../activities/send-webhook.ts';
import { crowdedSlots } from '../activities/slot-shares.ts';
import type { ConfigOf } from '../config/config.ts';
import type { Logger } from '../config/log.ts';
import { whenThere } from '../temporal/when-there.ts';
import {
  batchTaskQueue,
  crowdedTaskQueue,
  ingestTaskQueue,
  webhookTaskQueue,
} from '../workflows/signals.ts';
import type { StandIn } from './stand-in.ts';
import type { WorkerTracing } from './tracing.ts';

/** Activities get this long to finish after a stop was asked for; what is left is retried by another worker. */
const GRACE = '25s';
export const SHUTDOWN_FORCE = '40s';
/** All that Temporal holds (db/core/deliveries.ts), and the passes of maintenance. */
const INGEST_TASKS = 90;

/**
 * One thread does them all, so more would only wait there: each with all that were handed out before. What waits in Temporal
 * instead is handed out by turns of the projects, runs before lines of batches.
 */
const WORKFLOW_TASKS = 4;

type Server = { config: ConfigOf<'worker'>; temporalAddress: string; log: Logger };
type Parts = {
  codePath: string;
  deps: ActivityDependencies;
  standIn: StandIn;
  tracing: WorkerTracing | undefined;
};

export type Polling = { connection: NativeConnection; workers: Worker[] };

export function connect({ temporalAddress: address, config, log }: Server) {
  const { temporalSecurity } = config;
  const settings = { address, ...temporalSecurity, grpcCompression: { codec: 'none' as const } };
  return whenThere('Temporal', log, () => NativeConnection.connect(settings));
}

/** Creates the workers on `first`, and on a new connection each time that Temporal goes away meanwhile. */
export async function createWorkers(
  server: Server,
  parts: Parts,
  first: NativeConnection,
): Promise<Polling> {
  let open: NativeConnection | undefined = first;
  return whenThere('Temporal', server.log, async () => {
    const connection = open ?? (await connect(server));
    open = undefined;
    const workers: Worker[] = [];
    try {
      for (const settings of workerSettings(server.config, parts)) {
        workers.push(await Worker.create({ ...settings, connection }));
      }
      return { connection, workers };
    } catch (error) {
      // A connection does not take a second worker of a task queue, even if the first was not created.
      await Promise.all(workers.map(stop));
      await connection.close();
      throw error;
    }
  });
}

/** Only a worker that runs can be shut down. */
async function stop(worker: Worker): Promise<void> {
  const stopped = worker.run();
  worker.shutdown();
  await stopped;
}

function workerSettings(
  config: ConfigOf<'worker'>,
  { codePath, deps, standIn, tracing }: Parts,
): WorkerSettings[] {
  const common = {
    namespace: config.temporalNamespace,
    // Operators see it in the Temporal UI, and in the status of the console.
    identity: `${process.pid}@${hostname()} threadmill ${packageJson.version}`,
    // Few polls while idle: a worker that freezes is handed few tasks before the server drops its polls.
    activityTaskPollerBehavior: { type: 'autoscaling', minimum: 1, initial: 2, maximum: 10 },
    maxHeartbeatThrottleInterval: '2s',
    interceptors: { activity: [standIn.interceptor, ...(tracing ? [tracing.activity] : [])] },
    shutdownGraceTime: GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  } satisfies Partial<WorkerSettings>;
  return [
    {
      ...common,
      taskQueue: config.taskQueue,
      workflowBundle: { codePath },
      ...(tracing && { sinks: tracing.sinks }),
      activities: createActivities(deps),
      // A run that waits for outputs costs 0.4 MB there; replayed from its history it takes twice the time to go on.
      maxCachedWorkflows: 1_200,
      maxConcurrentActivityTaskExecutions: config.workerActivitySlots,
      maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS,
      workflowTaskPollerBehavior: { type: 'autoscaling', minimum: 2, initial: 4, maximum: 10 },
      stickyQueueScheduleToStartTimeout: '3s',
    },
    // The workflows of ingests cost little and run beside the others. What parses and embeds waits here for its place, so that
    // projects take turns: a task in a queue could not.
    {
      ...common,
      taskQueue: ingestTaskQueue(config.taskQueue),
      activities: createIngestActivities(deps),
      maxConcurrentActivityTaskExecutions: Math.max(INGEST_TASKS, config.ingestSlots),
    },
    {
      ...common,
      taskQueue: crowdedTaskQueue(config.taskQueue),
      activities: createTurnActivities(deps, 'crowded'),
      maxConcurrentActivityTaskExecutions: crowdedSlots(config.workerActivitySlots),
    },
    // So do batches: what their runs ask of the model leaves the slots of other runs free.
    {
      ...common,
      taskQueue: batchTaskQueue(config.taskQueue),
      activities: createLineActivities(deps),
      maxConcurrentActivityTaskExecutions: config.batchSlots,
    },
    {
      ...common,
      taskQueue: webhookTaskQueue(config.taskQueue),
      activities: createWebhookActivities(deps),
      maxConcurrentActivityTaskExecutions: WEBHOOK_SLOTS,
    },
  ];
}
