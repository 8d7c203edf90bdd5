/** Builds everything one worker process needs, runs it, and takes it down in order. */
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';

import type { ActivityDependencies } from '../activities/index.ts';
import { LinePace } from '../activities/batches/line-pace.ts';
import { ingestPlaces } from '../activities/ingest/places.ts';
import { createModelServers } from '../activities/model/client.ts';
import type { ConfigOf } from '../config/config.ts';
import {
  embeddingsTarget,
  modelTarget,
  parseLimits,
  passedTarget,
  priceOf,
} from '../config/config.ts';
import { EventBatcher } from '../db/events/event-batcher.ts';
import { InterpreterQueue } from '../db/interpreters/interpreter-lease.ts';
import { Listener } from '../db/core/listener.ts';
import { rotateEventPartitions } from '../db/maintenance.ts';
import { weaknessOfRole } from '../db/core/app-role.ts';
import { createPool } from '../db/core/pool.ts';
import { createWorkPool } from '../db/core/request-pool.ts';
import { inWholeDatabase } from '../db/core/row-scope.ts';
import { RunControl } from '../db/events/run-control.ts';
import type { Logger } from '../config/log.ts';
import { createEmbedder, createParserPool, recognitionData } from '../retrieval/index.ts';
import type { Sandbox, SandboxStatus } from '../sandbox/index.ts';
import { SlotShares } from '../activities/slot-shares.ts';
import { Shares } from '../sandbox/pool/shares.ts';
import { TokenCounter } from '../tokens/token-counter.ts';
import { observeKernels } from '../telemetry/gauges.ts';
import { embeddingSpans } from '../telemetry/model-span.ts';
import { workflowBundle } from './bundle.ts';
import { openSandbox } from './sandbox.ts';
import type { Outbox } from '../temporal/deliver.ts';
import { createDispatcher } from '../temporal/dispatch.ts';
import { startRedelivery } from '../temporal/redeliver.ts';
import { clientInterceptors } from '../temporal/tracing.ts';
import { whenThere } from '../temporal/when-there.ts';
import { startMessageIndex } from './index-messages.ts';
import { startReconciler } from './reconcile.ts';
import { deleteOldSchedule } from './schedule.ts';
import { connect, createWorkers } from './polling.ts';
import { installRuntime } from './runtime.ts';
import type { StandIn } from './stand-in.ts';
import { startStandIn } from './stand-in.ts';
import type { WorkerTracing } from './tracing.ts';
import { workerTracing } from './tracing.ts';

export type WorkerOptions = {
  config: ConfigOf<'worker'>;
  databaseUrl: string;
  listenUrl: string;
  temporalAddress: string;
  /** Where the workflow bundle is kept between starts. */
  cacheDir: string;
  log: Logger;
  /** Whether Temporal's SDK keeps figures. Default: if METRICS_LISTEN is set, as nothing else would serve them. */
  temporalMetrics?: boolean;
  /** A sandbox that is being made already: its probe takes seconds. */
  sandbox?: Promise<Sandbox>;
};

export type RunningWorker = {
  /** As it is now: a remote one comes and goes. */
  readonly sandbox: SandboxStatus;
  /** Shared with an API in the same process. */
  connection: NativeConnection;
  /** Rejects when the worker stops by itself. */
  running: Promise<void>;
  /** Stops polling, lets activities finish or hand over, then closes what they used. */
  close(): Promise<void>;
};

/** Nobody waits for an activity, and Temporal repeats it. Ingests and the reconciler's passes have long statements. */
const BOUNDS = { lockMs: 30_000, statementMs: 600_000, longMs: 600_000 };

/** Turns of a project that read their run and messages at once, and one more for a second project. */
const BEGINNINGS = 4;

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, log } = options;
  const { taskQueue, maxTurns, threadTtlDays, runTtlDays } = config;
  await installRuntime(log, options.temporalMetrics ?? config.metricsListen !== undefined);
  const resources = await openResources(options);
  const { sandbox, deps } = resources;
  const { pool, embedder } = deps;
  const { connection, workers } = await createWorkers(options, resources, resources.connection);
  const interceptors = await clientInterceptors();
  const client = new Client({ connection, namespace: config.temporalNamespace, interceptors });
  await whenThere('Temporal', log, () => deleteOldSchedule(client, taskQueue)).catch(
    (err: unknown) =>
      log.warn({ err }, 'The schedule of 0.1.0 is still there: the next start tries'),
  );
  const unobserve = observeKernels(() => sandbox.kernels);
  const running = Promise.all(workers.map((each) => each.run())).then(() => {});
  running.catch((error: unknown) => log.error({ err: error }, 'The worker stopped'));
  const outbox: Outbox = { pool, client, log, taskQueue, maxTurns };
  deps.dispatcher = createDispatcher(outbox);
  const stopRedelivery = startRedelivery(outbox);
  const stopIndexing = startMessageIndex(pool, log);
  const stopReconciler = startReconciler({
    pool,
    client,
    taskQueue,
    embedder,
    threadTtlDays,
    runTtlDays,
    log,
  });
  return {
    get sandbox() {
      return sandbox.status;
    },
    connection,
    running,
    async close() {
      await Promise.all([stopRedelivery(), stopIndexing(), stopReconciler()]);
      for (const each of workers) if (each.getState() === 'RUNNING') each.shutdown();
      await running.catch(() => {});
      unobserve();
      await closeResources(resources);
      await connection.close();
    },
  };
}

type Resources = {
  connection: NativeConnection;
  sandbox: Sandbox;
  codePath: string;
  listener: Listener;
  deps: ActivityDependencies;
  standIn: StandIn;
  tracing: WorkerTracing | undefined;
};

async function openResources(options: WorkerOptions): Promise<Resources> {
  const { config, log } = options;
  config.ocrLanguages.forEach(recognitionData);
  const tracing = await workerTracing();
  const [connection, sandbox, codePath] = await Promise.all([
    connect(options),
    options.sandbox ?? openSandbox(config),
    workflowBundle(options.cacheDir, tracing !== undefined),
  ]);
  const max = config.databasePoolSize;
  const connections = createPool(options.databaseUrl, {
    max,
    applicationName: 'threadmill-worker',
  });
  const pool = createWorkPool(connections, max, BOUNDS);
  const listener = new Listener(options.listenUrl, 'threadmill-worker-listen');
  const control = new RunControl(listener);
  const interpreters = new InterpreterQueue(listener);
  await whenThere('PostgreSQL', log, () => listener.start());
  const weakness = await whenThere('PostgreSQL', log, () => weaknessOfRole(pool));
  if (weakness !== undefined) log.warn(weakness);
  await whenThere('PostgreSQL', log, () => inWholeDatabase(() => rotateEventPartitions(pool)));
  const batcher = new EventBatcher(options.databaseUrl, 'threadmill-worker-events');
  const target = embeddingsTarget(config);
  const deps: ActivityDependencies = {
    pool,
    batcher,
    control,
    sandbox,
    interpreters,
    cellSeconds: config.cellSoftSeconds,
    quotaBytes: config.quotaBytes,
    models: createModelServers((model) => modelTarget(config, model)),
    embedder: target ? createEmbedder({ ...target, observe: embeddingSpans(target) }) : null,
    searchCandidates: config.searchCandidates,
    fileWaitSeconds: config.fileWaitSeconds,
    parseLimits: parseLimits(config),
    ocrLanguages: config.ocrLanguages,
    parsers: createParserPool(config.ingestSlots),
    ingests: ingestPlaces(config.ingestSlots),
    beginnings: new Shares({ places: BEGINNINGS + 1, most: BEGINNINGS }),
    slots: new SlotShares(config.workerActivitySlots),
    pace: new LinePace(),
    tokens: new TokenCounter(),
    log,
    // Until the workers poll, redelivery has them.
    dispatcher: { dispatch() {} },
    target: (endpoint, model) => passedTarget(config, endpoint, model),
    runsAtOnce: config.limitRunsAtOnce,
    webhookPrivateAddresses: config.webhookPrivateAddresses,
    upstream: {
      groupMs: config.modelBatchGroupMs,
      pollMs: config.modelBatchPollMs,
      directSeconds: config.modelBatchDirectSeconds,
    },
    priceOf: (model) => priceOf(config, model),
    longestRunSeconds: config.runExpiryMaxSeconds,
  };
  const standIn = startStandIn(options.temporalAddress, config, log);
  return { connection, sandbox, codePath, listener, deps, standIn, tracing };
}

async function closeResources(resources: Resources): Promise<void> {
  const { sandbox, listener, deps, standIn } = resources;
  await standIn.close();
  deps.control[Symbol.dispose]();
  deps.interpreters[Symbol.dispose]();
  await Promise.all([
    sandbox[Symbol.asyncDispose](),
    deps.parsers[Symbol.asyncDispose](),
    deps.tokens[Symbol.asyncDispose](),
    deps.batcher[Symbol.asyncDispose](),
    listener[Symbol.asyncDispose](),
    deps.pool.end(),
  ]);
}
