/** The baseline's process: a Temporal client and a worker with the options of worker/worker.ts, on one connection. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Client } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';
import OpenAI from 'openai';

import { loadConfig } from '../../config/config.ts';
import { preciseNow } from '../../test/support/fake-timing.ts';
import { serveCalls } from '../child.ts';
import { inParallel } from '../http.ts';
import type { Kind } from './activities.ts';
import { createBareActivities } from './activities.ts';
import { submitted } from './signals.ts';
import type { bareWorkflow } from './workflows.ts';
import type { Template } from './writes.ts';
import { BareWrites } from './writes.ts';

const TASK_QUEUE = 'bench-bare';
const QUIET = new DefaultLogger('WARN');

export type BareSetup = {
  databaseUrl: string;
  temporalAddress: string;
  modelBaseUrl: string;
  /** A file made by `buildBundle`. */
  bundle: string;
  template: Template;
};

export type BareRun = {
  /** Start of the workflow until its result is known, ms. */
  resultMs: number;
  /** … until its last activity had done its work, ms. */
  workMs: number;
  /** When the signal was sent, ms since the epoch. */
  signalledAt: number | undefined;
};

type Running = { client: Client; writes: BareWrites; close(): Promise<void> };

let running: Running | undefined;
const turns = new Map<string, (index: number) => void>();

const handlers = {
  clock: () => preciseNow(),

  /** For a process of its own, like ours: the bundler leaves 150 MB behind. */
  async buildBundle(path: string): Promise<void> {
    const workflowsPath = fileURLToPath(new URL('./workflows.ts', import.meta.url));
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: QUIET });
    await writeFile(path, code);
  },

  async setUp(setup: BareSetup): Promise<void> {
    const config = loadConfig({});
    Runtime.install({ shutdownSignals: [], logger: QUIET });
    const connection = await NativeConnection.connect({
      address: setup.temporalAddress,
      grpcCompression: { codec: 'none' },
    });
    const writes = await BareWrites.open(
      setup.databaseUrl,
      config.databasePoolSize,
      setup.template,
    );
    const client = new OpenAI({ baseURL: setup.modelBaseUrl, apiKey: 'none', maxRetries: 0 });
    const activities = createBareActivities({
      writes,
      client,
      onTurn: (id, index) => turns.get(id)?.(index),
    });
    const worker = await Worker.create({
      connection,
      taskQueue: TASK_QUEUE,
      workflowBundle: { codePath: setup.bundle },
      activities,
      maxCachedWorkflows: 500,
      maxConcurrentActivityTaskExecutions: config.workerActivitySlots,
      maxConcurrentWorkflowTaskExecutions: 40,
      stickyQueueScheduleToStartTimeout: '3s',
      maxHeartbeatThrottleInterval: '2s',
    });
    const stopped = worker.run();
    running = {
      writes,
      client: new Client({ connection }),
      async close() {
        worker.shutdown();
        await stopped;
        await writes[Symbol.asyncDispose]();
        await connection.close();
      },
    };
  },

  /** Runs one workflow per id, at most `concurrency` at a time. */
  async run(
    kind: Kind,
    empty: boolean,
    runs: { id: string; model: string }[],
    concurrency: number,
  ): Promise<{ runs: BareRun[]; seconds: number }> {
    const { client, writes } = running!;
    await writes.prepareThreads(runs.map(({ id }) => id));
    const started = performance.now();
    const done = await inParallel(runs.length, concurrency, (index) =>
      runOne(client, { ...runs[index]!, kind, empty }),
    );
    return { runs: done, seconds: (performance.now() - started) / 1_000 };
  },
};

export type BareHandlers = typeof handlers;

async function runOne(
  client: Client,
  input: { id: string; model: string; kind: Kind; empty: boolean },
): Promise<BareRun> {
  const last = input.kind === 'plain' ? 0 : 1;
  const paused = Promise.withResolvers<void>();
  const started = performance.now();
  let workMs = Number.NaN;
  turns.set(input.id, (index) => {
    if (index === last) workMs = performance.now() - started;
    else paused.resolve();
  });
  const handle = await client.workflow.start<typeof bareWorkflow>('bareWorkflow', {
    workflowId: input.id,
    taskQueue: TASK_QUEUE,
    args: [input],
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    requestEagerStart: true,
  });
  let signalledAt: number | undefined;
  if (input.kind === 'tool') {
    await paused.promise;
    signalledAt = preciseNow();
    await handle.signal(submitted);
  }
  await handle.result();
  turns.delete(input.id);
  return { resultMs: performance.now() - started, workMs, signalledAt };
}

serveCalls(handlers, async () => running?.close());
