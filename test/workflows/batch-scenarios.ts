/** Batches, their lines and webhooks as record-histories.ts records them: the activities follow a script, the workflows are real. */
import type { WorkflowHandle } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';

import type { BatchStep, Handed, TurnResult } from '../../activities/index.ts';
import type { BatchId, RunId, ScheduleId, WebhookDeliveryId } from '../../wire/ids.ts';
import { SEARCH_ATTRIBUTES } from '../../temporal/search-attributes.ts';
import type { batchWorkflow } from '../../workflows/batch.ts';
import type { deliverWebhookWorkflow } from '../../workflows/deliver-webhook.ts';
import type { passLineWorkflow } from '../../workflows/pass-line.ts';
import type { runWorkflow } from '../../workflows/run.ts';
import type { scheduledBatchWorkflow } from '../../workflows/scheduled-batch.ts';
import type { upstreamWorkflow } from '../../workflows/upstream.ts';
import {
  batchTaskQueue,
  ingestTaskQueue,
  pauseBatch,
  setWindow,
  turnAnswered,
  wakeBatch,
  webhookTaskQueue,
} from '../../workflows/signals.ts';

export type BatchScenario = {
  workflow:
    | 'batchWorkflow'
    | 'passLineWorkflow'
    | 'runWorkflow'
    | 'scheduledBatchWorkflow'
    | 'upstreamWorkflow'
    | 'deliverWebhookWorkflow';
  steps?: BatchStep[];
  turns?: (TurnResult | Handed)[];
  /** Ms until the next step of the batches at a model server, or the next attempt to deliver an event. */
  pauses?: (number | null)[];
  /** What happens to the workflow from outside while it waits. */
  outside?: (handle: WorkflowHandle) => Promise<unknown>;
};

const wait = (ms: number, counts = {}): BatchStep => ({ kind: 'wait', ms, paused: false, counts });
const LONG = 600_000;

export const BATCHES: Record<string, BatchScenario> = {
  batch: {
    workflow: 'batchWorkflow',
    steps: [
      { kind: 'validate' },
      wait(LONG, { pending: 3, running: 2 }),
      wait(50, { running: 1 }),
      wait(0),
      { kind: 'finalize' },
      { kind: 'ended', status: 'completed' },
    ],
    outside: (handle) => handle.signal(wakeBatch),
  },
  'batch-changed': {
    workflow: 'batchWorkflow',
    steps: [wait(LONG), { kind: 'ended', status: 'completed' }],
    outside: async (handle) => {
      await handle.signal(pauseBatch);
      await handle.signal(setWindow, 4);
    },
  },
  'batch-cancelled': {
    workflow: 'batchWorkflow',
    steps: [wait(LONG), { kind: 'finalize' }, { kind: 'ended', status: 'cancelled' }],
    outside: (handle) => handle.cancel(),
  },
  'batch-line': { workflow: 'passLineWorkflow' },
  'batch-run': { workflow: 'runWorkflow' },
  'batch-handed': {
    workflow: 'runWorkflow',
    turns: [{ kind: 'handed', ms: LONG }],
    outside: (handle) => handle.signal(turnAnswered, 0),
  },
  'batch-handed-late': { workflow: 'runWorkflow', turns: [{ kind: 'handed', ms: 50 }] },
  'batch-handed-cancelled': {
    workflow: 'runWorkflow',
    turns: [{ kind: 'handed', ms: LONG }],
    outside: (handle) => handle.cancel(),
  },
  'batch-scheduled': { workflow: 'scheduledBatchWorkflow' },
  'batch-upstream': {
    workflow: 'upstreamWorkflow',
    pauses: [0, LONG, null],
    outside: (handle) => handle.signal(wakeBatch),
  },
  webhook: { workflow: 'deliverWebhookWorkflow', pauses: [50, 100, null] },
};

function activitiesOf({ steps = [], turns = [], pauses = [] }: BatchScenario) {
  const left = [...steps];
  const turnsLeft = [...turns];
  const pausesLeft = [...pauses];
  const nothing = () => Promise.resolve();
  return {
    // A step more than the script has: a signal that came while an activity ran is looked after at once.
    advanceBatch: () =>
      Promise.resolve(left.shift() ?? { kind: 'ended' as const, status: 'completed' as const }),
    validateBatch: nothing,
    finalizeBatch: nothing,
    changeBatch: nothing,
    passLine: nothing,
    fireSchedule: () => Promise.resolve({ status: 'created', batch_id: 'batch_1' }),
    modelTurn: () => Promise.resolve(turnsLeft.shift() ?? { kind: 'ended', status: 'completed' }),
    advanceUpstream: () => Promise.resolve(pausesLeft.shift() ?? null),
    sendWebhook: () => Promise.resolve(pausesLeft.shift() ?? null),
    finalizeRun: () => Promise.resolve({ kind: 'ended', status: 'cancelled' }),
  };
}

async function start(client: Client, name: string, { workflow }: BatchScenario) {
  const options = { taskQueue: name, workflowId: `run_${name}` };
  const batchId = `batch_${name}` as BatchId;
  const expiresAtMs = Date.now() + LONG;
  switch (workflow) {
    case 'batchWorkflow': {
      const args: Parameters<typeof batchWorkflow> = [{ v: 1, batchId }];
      return client.workflow.start<typeof batchWorkflow>(workflow, { ...options, args });
    }
    case 'passLineWorkflow': {
      const args: Parameters<typeof passLineWorkflow> = [{ v: 1, batchId, line: 1, expiresAtMs }];
      return client.workflow.start<typeof passLineWorkflow>(workflow, { ...options, args });
    }
    case 'scheduledBatchWorkflow': {
      const scheduleId = `sched_${name}` as ScheduleId;
      const args: Parameters<typeof scheduledBatchWorkflow> = [{ v: 1, scheduleId }];
      return client.workflow.start<typeof scheduledBatchWorkflow>(workflow, { ...options, args });
    }
    case 'upstreamWorkflow': {
      const args: Parameters<typeof upstreamWorkflow> = [{ v: 1, model: 'tutor' }];
      return client.workflow.start<typeof upstreamWorkflow>(workflow, { ...options, args });
    }
    case 'deliverWebhookWorkflow': {
      const deliveryId = 'whd_1' as WebhookDeliveryId;
      const args: Parameters<typeof deliverWebhookWorkflow> = [{ v: 1, deliveryId, round: 1 }];
      return client.workflow.start<typeof deliverWebhookWorkflow>(workflow, { ...options, args });
    }
    case 'runWorkflow': {
      const runId = `run_${name}` as RunId;
      const args: Parameters<typeof runWorkflow> = [
        { v: 2, runId, expiresAtMs, maxTurns: 4, batched: true },
      ];
      const typedSearchAttributes = [{ key: SEARCH_ATTRIBUTES.runStatus, value: 'in_progress' }];
      const started = { ...options, args, typedSearchAttributes };
      return client.workflow.start<typeof runWorkflow>(workflow, started);
    }
  }
}

async function untilWaiting(handle: WorkflowHandle): Promise<void> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    if ((events ?? []).some((event) => event.timerStartedEventAttributes)) return;
  }
}

export async function recordBatch(
  name: string,
  scenario: BatchScenario,
  address: string,
  codePath: string,
): Promise<string> {
  const connection = await NativeConnection.connect({ address });
  const identity = 'recorder';
  const client = new Client({ connection: await Connection.connect({ address }), identity });
  const activities = activitiesOf(scenario);
  const common = { connection, identity, activities };
  const queues = [batchTaskQueue, ingestTaskQueue, webhookTaskQueue];
  const others = await Promise.all(
    queues.map((queueOf) => Worker.create({ ...common, taskQueue: queueOf(name) })),
  );
  const workflowBundle = { codePath };
  const worker = await Worker.create({ ...common, taskQueue: name, workflowBundle });
  const handle = await start(client, name, scenario);
  const outside = async () => {
    if (scenario.outside === undefined) return;
    await untilWaiting(handle);
    await scenario.outside(handle);
  };
  const ended = Promise.all([outside(), handle.result().catch(() => {})]);
  await [...others, worker].reduce<Promise<unknown>>((work, each) => each.runUntil(work), ended);
  const json = historyToJSON(await handle.fetchHistory());
  await connection.close();
  return json;
}
