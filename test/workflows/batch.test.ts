/** Workflows of batches on a real server, with activities that follow a script: what arrives during a step is not lost. */
import { randomUUID } from 'node:crypto';

import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import type { BatchStep } from '../../activities/index.ts';
import type { BatchId, RunId } from '../../wire/ids.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import type { batchWorkflow } from '../../workflows/batch.ts';
import type { passLineWorkflow } from '../../workflows/pass-line.ts';
import type { runWorkflow } from '../../workflows/run.ts';
import { batchResumed, batchTaskQueue, setWindow, wakeBatch } from '../../workflows/signals.ts';
import { eventually } from '../support/durable-run.ts';

const LONG_MS = 600_000;
const WAIT: BatchStep = { kind: 'wait', ms: LONG_MS, paused: false, counts: {} };
const AT_ONCE: BatchStep = { ...WAIT, ms: 0 };
const ENDED: BatchStep = { kind: 'ended', status: 'completed' };

let connection: NativeConnection;
let client: Client;
let codePath: string;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const address = inject('temporalAddress');
  connection = await NativeConnection.connect({ address });
  client = new Client({ connection: await Connection.connect({ address }) });
  codePath = await workflowBundle(inject('cacheDir'));
});
afterAll(async () => {
  await client.connection.close();
  await connection.close();
});

type Script = Record<string, (...args: never[]) => Promise<unknown>>;

/** Runs workers of a queue of their own until `work` is done. */
async function withWorkers<T>(script: Script, work: (taskQueue: string) => Promise<T>): Promise<T> {
  const taskQueue = `test-${randomUUID()}`;
  const common = { connection, activities: script };
  const lines = await Worker.create({ ...common, taskQueue: batchTaskQueue(taskQueue) });
  const worker = await Worker.create({ ...common, taskQueue, workflowBundle: { codePath } });
  return lines.runUntil(() => worker.runUntil(() => work(taskQueue)));
}

function startBatch(taskQueue: string, workflowId: string) {
  const args: Parameters<typeof batchWorkflow> = [{ v: 1, batchId: workflowId as BatchId }];
  const options = { taskQueue, workflowId, args };
  return client.workflow.start<typeof batchWorkflow>('batchWorkflow', options);
}

test('a wake that comes during a step leads to another step', async () => {
  const id = `batch_${randomUUID()}`;
  let steps = 0;
  const advanceBatch = async () => {
    steps += 1;
    if (steps > 1) return ENDED;
    await client.workflow.getHandle(id).signal(wakeBatch);
    return WAIT;
  };
  await withWorkers({ advanceBatch }, async (taskQueue) => {
    await startBatch(taskQueue, id);
    await eventually(() => expect(steps).toBe(2));
  });
}, 200_000);

test('a new history begins again and again, and no change is lost on the way', async () => {
  const id = `batch_${randomUUID()}`;
  const handle = client.workflow.getHandle(id);
  const sent: number[] = [];
  const changed: number[] = [];
  let steps = 0;
  const advanceBatch = async () => {
    steps += 1;
    // Whenever the history is too long, a change is most likely on its way.
    if (steps % 8 !== 0 && steps < 600) {
      sent.push(steps);
      await handle.signal(setWindow, steps);
    }
    return steps < 610 ? AT_ONCE : ENDED;
  };
  const changeBatch = (_: BatchId, { window }: { window: number }) =>
    Promise.resolve(void changed.push(window));
  await withWorkers({ advanceBatch, changeBatch }, async (taskQueue) => {
    const batch = await startBatch(taskQueue, id);
    await batch.result();
  });
  expect(changed).toEqual(sent);
  const { events } = await handle.fetchHistory();
  expect(events!.length).toBeLessThan(4_500);
  expect(events![0]!.workflowExecutionStartedEventAttributes!.continuedExecutionRunId).toBeTruthy();
}, 180_000);

test.each(['runWorkflow', 'passLineWorkflow'])(
  'a resume that comes before %s knows that it is held is not lost',
  async (name) => {
    const workflowId = `run_${randomUUID()}`;
    let tries = 0;
    const work = async () => {
      tries += 1;
      if (tries > 1) return { kind: 'ended', status: 'completed' };
      await client.workflow.getHandle(workflowId).signal(batchResumed);
      return { kind: 'held' };
    };
    const expiresAtMs = Date.now() + LONG_MS;
    const run = { v: 1, runId: workflowId as RunId, expiresAtMs, maxTurns: 4, batched: true };
    const line = { v: 1, batchId: 'batch_1' as BatchId, line: 1, expiresAtMs };
    await withWorkers({ modelTurn: work, passLine: work }, async (taskQueue) => {
      const args: [never] = [(name === 'runWorkflow' ? run : line) as never];
      const options = { taskQueue, workflowId, args };
      await client.workflow.start<typeof runWorkflow | typeof passLineWorkflow>(name, options);
      await eventually(() => expect(tries).toBe(2));
    });
  },
  200_000,
);
