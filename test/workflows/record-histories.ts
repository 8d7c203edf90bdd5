/**
 * Records the histories that replay.test.ts replays: `node test/workflows/record-histories.ts [beginning of the names]`. The workflow and the
 * server are real; the activities follow a script. Run it only when the workflow changes on purpose: histories recorded
 * before the change must go on replaying until no run of theirs can be under way. They go to the folder `unreleased`, which
 * a release renames to its version.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { CancelledFailure } from '@temporalio/common';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import { Context } from '@temporalio/activity';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

import type { RunId } from '../../wire/ids.ts';
import type {
  Activities,
  Crowded,
  FinalizeResult,
  IngestEndReason,
  IngestResult,
  RunEndReason,
  RunToolResult,
  TurnResult,
} from '../../activities/index.ts';
import { startTemporalServer } from '../../embedded/temporal/server.ts';
import { SEARCH_ATTRIBUTES, SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import type { ingestFileWorkflow } from '../../workflows/ingest-file.ts';
import type { runWorkflow } from '../../workflows/run.ts';
import {
  crowdedTaskQueue,
  ingestTaskQueue,
  toolOutputsSubmitted,
} from '../../workflows/signals.ts';
import { BATCHES, recordBatch } from './batch-scenarios.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

type Handle = WorkflowHandle<typeof runWorkflow>;
type Step = TurnResult | Crowded | 'hang' | Error;

type Scenario = {
  turns: Step[];
  tools?: (RunToolResult | Crowded | 'hang' | Error)[];
  finalize?: (reason: RunEndReason) => FinalizeResult;
  expiresInMs?: number;
  /** Started on a server that did not know our search attributes. */
  plain?: true;
  /** What happens to the workflow from outside, once `entered` says that an activity hangs. */
  outside?: (handle: Handle, entered: Promise<void>) => Promise<void>;
};

const code = (id: string) => ({ id, type: 'code_interpreter' as const });
const done: TurnResult = { kind: 'ended', status: 'completed' };
const action: TurnResult = { kind: 'action', submission: 'step_1' };
const submit = (handle: Handle) => handle.signal(toolOutputsSubmitted, 'step_1');
const refused = ApplicationFailure.create({
  type: 'invalid_prompt',
  message: 'No such model.',
  nonRetryable: true,
});

async function untilWaiting(handle: Handle): Promise<void> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    if ((events ?? []).some((event) => event.timerStartedEventAttributes)) return;
  }
}

const SCENARIOS: Record<string, Scenario> = {
  plain: { turns: [done] },
  'without-attributes': { turns: [action, done], outside: submit, plain: true },
  'failed-answer': { turns: [{ kind: 'ended', status: 'failed', reason: 'server_error' }] },
  'code-interpreter': {
    turns: [{ kind: 'tools', calls: [code('call_1')] }, done],
    tools: [{ kind: 'done' }],
  },
  'file-search': {
    turns: [{ kind: 'tools', calls: [{ id: 'call_1', type: 'file_search' }] }, done],
    tools: [{ kind: 'done' }],
  },
  crowded: {
    turns: [{ kind: 'crowded' }, { kind: 'tools', calls: [code('call_1'), code('call_2')] }, done],
    tools: [{ kind: 'crowded' }, { kind: 'done' }, { kind: 'done' }],
  },
  'parallel-tools': {
    turns: [{ kind: 'tools', calls: [code('call_1'), code('call_2'), code('call_3')] }, done],
    tools: [{ kind: 'done' }, { kind: 'done' }, { kind: 'done' }],
  },
  'tools-and-function': {
    turns: [{ kind: 'tools', calls: [code('call_1')] }, done],
    tools: [{ kind: 'action', submission: 'step_1' }],
    outside: async (handle) => {
      await untilWaiting(handle);
      await submit(handle);
    },
  },
  pause: {
    turns: [action, done],
    outside: async (handle) => {
      await untilWaiting(handle);
      await submit(handle);
    },
  },
  'long-pause': {
    turns: [action, done],
    outside: async (handle) => {
      await untilWaiting(handle);
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      await submit(handle);
    },
  },
  'early-signal': { turns: [action, done], outside: submit },
  'duplicate-signal': {
    turns: [action, done],
    outside: async (handle) => {
      await untilWaiting(handle);
      await Promise.all([submit(handle), submit(handle)]);
    },
  },
  'two-pauses': {
    turns: [action, { kind: 'action', submission: 'step_2' }, done],
    outside: async (handle) => {
      await submit(handle);
      await handle.signal(toolOutputsSubmitted, 'step_2');
    },
  },
  'expiry-while-waiting': { turns: [action], expiresInMs: 1_500 },
  'expiry-after-a-long-pause': { turns: [action], expiresInMs: 6_500 },
  'resumed-at-expiry': {
    turns: [action, done],
    expiresInMs: 1_500,
    finalize: () => ({ kind: 'resumed' }),
  },
  'deadline-before-the-retry': {
    turns: [ApplicationFailure.create({ message: 'Busy.', nextRetryDelay: '1h' })],
    expiresInMs: 1_500,
  },
  'expiry-while-streaming': { turns: ['hang'], expiresInMs: 1_500 },
  'cancel-while-streaming': {
    turns: ['hang'],
    outside: async (handle, entered) => {
      await entered;
      await handle.cancel();
    },
  },
  'cancel-in-a-tool': {
    turns: [{ kind: 'tools', calls: [code('call_1'), code('call_2')] }],
    tools: ['hang', { kind: 'done' }],
    outside: async (handle, entered) => {
      await entered;
      await handle.cancel();
    },
  },
  'cancel-while-waiting': {
    turns: [action],
    outside: async (handle) => {
      await untilWaiting(handle);
      await handle.cancel();
    },
  },
  'stopped-by-the-fast-path': { turns: [{ kind: 'stopped' }] },
  'model-failure': { turns: [refused] },
  'tool-failure': { turns: [{ kind: 'tools', calls: [code('call_1')] }], tools: [refused] },
  'out-of-turns': {
    turns: Array.from({ length: 4 }, () => ({ kind: 'tools', calls: [] })),
    finalize: () => ({ kind: 'ended', status: 'incomplete' }),
  },
  'ended-elsewhere': { turns: [{ kind: 'ended', status: 'deleted' }] },
};

async function hang(): Promise<never> {
  const { cancellationSignal, heartbeat } = Context.current();
  const beat = setInterval(() => heartbeat(), 200);
  try {
    return await new Promise((_resolve, reject) => {
      cancellationSignal.addEventListener('abort', () =>
        reject(cancellationSignal.reason as CancelledFailure),
      );
    });
  } finally {
    clearInterval(beat);
  }
}

type RunActivities = Pick<Activities, 'modelTurn' | 'runTool' | 'finalizeRun' | 'reconcile'>;

const player =
  (entered: () => void) =>
  async <T>(step: T | 'hang' | Error | undefined): Promise<T> => {
    if (step === undefined) throw ApplicationFailure.nonRetryable('The scenario has no step left.');
    if (step instanceof Error) throw step;
    if (step !== 'hang') return step as T;
    entered();
    return hang();
  };

function scripted(scenario: Scenario, entered: () => void): RunActivities {
  const play = player(entered);
  let turns = 0;
  let tools = 0;
  return {
    modelTurn: () => play(scenario.turns[turns++]),
    runTool: () => play(scenario.tools?.[tools++]),
    finalizeRun: async (_runId, reason) =>
      scenario.finalize?.(reason) ?? { kind: 'ended', status: reason.status },
    reconcile: async () => ({ repaired: 0 }),
  };
}

/** What `<queue>-ingest` and the queue of its workflow answer. */
type IngestScenario = {
  cut: IngestResult | 'hang' | Error;
  slices?: (IngestResult | 'hang' | Error)[];
  cancelled?: boolean;
};

const unsupported = ApplicationFailure.create({
  type: 'unsupported_file',
  message: 'Files of this type cannot be searched.',
  nonRetryable: true,
});
const indexed: IngestResult = { kind: 'ended', status: 'completed' };

const INGESTS: Record<string, IngestScenario> = {
  'ingest-words': { cut: indexed },
  'ingest-embedded': { cut: { kind: 'embed', slices: 1 }, slices: [indexed] },
  'ingest-slices': {
    cut: { kind: 'embed', slices: 3 },
    slices: [{ kind: 'embedded' }, { kind: 'embedded' }, indexed],
  },
  'ingest-failed': { cut: unsupported },
  'ingest-embedding-failed': { cut: { kind: 'embed', slices: 1 }, slices: [refused] },
  'ingest-cancelled': { cut: 'hang', cancelled: true },
  'ingest-cancelled-embedding': {
    cut: { kind: 'embed', slices: 1 },
    slices: ['hang'],
    cancelled: true,
  },
  'ingest-removed': { cut: { kind: 'ended', status: 'removed' } },
};

async function recordIngest(
  name: string,
  scenario: IngestScenario,
  address: string,
  codePath: string,
): Promise<string> {
  const connection = await NativeConnection.connect({ address });
  const client = new Client({
    connection: await Connection.connect({ address }),
    identity: 'recorder',
  });
  let enter = (): void => {};
  const entered = new Promise<void>((resolve) => (enter = resolve));
  const play = player(() => enter());
  let slices = 0;
  const options = {
    connection,
    identity: 'recorder',
    maxHeartbeatThrottleInterval: '200ms',
  } as const;
  const ingester = await Worker.create({
    ...options,
    taskQueue: ingestTaskQueue(name),
    activities: {
      cutFile: () => play(scenario.cut),
      embedSlice: () => play(scenario.slices?.[slices++]),
    },
  });
  const worker = await Worker.create({
    ...options,
    taskQueue: name,
    workflowBundle: { codePath },
    activities: {
      settleFile: async (_seq: number, reason: IngestEndReason) => ({
        kind: 'ended',
        status: reason.status,
      }),
    },
  });
  const handle = await client.workflow.start<typeof ingestFileWorkflow>('ingestFileWorkflow', {
    taskQueue: name,
    workflowId: `run_${name}`,
    args: [{ v: 1, seq: 1 }],
  });
  const ended = handle.result().catch(() => {});
  const cancelled = scenario.cancelled ? entered.then(() => handle.cancel()) : undefined;
  await ingester.runUntil(worker.runUntil(Promise.all([cancelled, ended])));
  const json = historyToJSON(await handle.fetchHistory());
  await connection.close();
  return json.replaceAll(ROOT, '/');
}

async function record(
  name: string,
  scenario: Scenario,
  address: string,
  codePath: string,
): Promise<string> {
  const connection = await NativeConnection.connect({ address });
  const client = new Client({
    connection: await Connection.connect({ address }),
    identity: 'recorder',
  });
  let enter = (): void => {};
  const entered = new Promise<void>((resolve) => (enter = resolve));
  const common = {
    connection,
    activities: scripted(scenario, () => enter()),
    identity: 'recorder',
    maxHeartbeatThrottleInterval: '200ms',
  } as const;
  const crowded = await Worker.create({ ...common, taskQueue: crowdedTaskQueue(name) });
  const worker = await Worker.create({ ...common, taskQueue: name, workflowBundle: { codePath } });
  const handle = await client.workflow.start<typeof runWorkflow>('runWorkflow', {
    taskQueue: name,
    workflowId: `run_${name}`,
    args: [
      {
        v: 2,
        runId: `run_${name}` as RunId,
        expiresAtMs: Date.now() + (scenario.expiresInMs ?? 600_000),
        maxTurns: 4,
      },
    ],
    ...(scenario.plain === true
      ? {}
      : { typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.runStatus, value: 'in_progress' }] }),
  });
  const ended = Promise.all([scenario.outside?.(handle, entered), handle.result().catch(() => {})]);
  await crowded.runUntil(worker.runUntil(ended));
  const json = historyToJSON(await handle.fetchHistory());
  await connection.close();
  // Stack traces name the folder of the checkout.
  return json.replaceAll(ROOT, '/');
}

Runtime.install({ logger: new DefaultLogger('ERROR') });
const dataDir = await mkdtemp(join(tmpdir(), 'threadmill-histories-'));
const server = await startTemporalServer({
  dataDir,
  inMemory: true,
  searchAttributes: SEARCH_ATTRIBUTE_TYPES,
});
const codePath = await workflowBundle(dataDir);
const folder = new URL('../fixtures/histories/unreleased/', import.meta.url);
await mkdir(folder, { recursive: true });
const [only = ''] = process.argv.slice(2);
const recordings = [
  ...Object.entries(SCENARIOS).map(([name, scenario]) => [name, record, scenario] as const),
  ...Object.entries(INGESTS).map(([name, scenario]) => [name, recordIngest, scenario] as const),
  ...Object.entries(BATCHES).map(([name, scenario]) => [name, recordBatch, scenario] as const),
].filter(([name]) => name.startsWith(only));
for (const [name, recorder, scenario] of recordings) {
  const json = await recorder(name, scenario as never, server.address, codePath);
  const { events } = JSON.parse(json) as { events: unknown[] };
  const lines = events.map((event) => JSON.stringify(event)).join(',\n');
  await writeFile(new URL(`${name}.json`, folder), `{"events":[\n${lines}\n]}\n`);
  console.log(name, events.length);
}
await server.stop();
await rm(dataDir, { recursive: true });
process.exit(0);
