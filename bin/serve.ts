/**
 * npm start: runs the worker, the API and the demo model in this process, and PostgreSQL and Temporal as its children.
 * Independent parts start concurrently. An expected failure prints one sentence and exits with code 1.
 */
import { join } from 'node:path';
import { semanticSearch } from '../config/config.ts';
import { collectLessOften } from '../config/heap.ts';
import { openGate } from '../api/http/gate.ts';
import type { Gate } from '../api/http/gate.ts';
import { buildConsole } from '../console/build.ts';
import { collectorOf } from '../telemetry/start-tracing.ts';
import { workflowBundle } from '../worker/bundle.ts';
import { openSandbox } from '../worker/sandbox.ts';
import { models } from './doctor/model.ts';
import { banner } from './serve/banner.ts';
import { claimDataDir } from './serve/data-dir.ts';
import { checkGivenServers } from './serve/given-servers.ts';
import { HELP, readOptions } from './serve/options.ts';
import type { Options } from './serve/options.ts';
import { openDatabase, openTemporal, withModel } from './serve/parts.ts';
import { Shutdown } from './serve/shutdown.ts';
import { StartError, describe } from './serve/start-error.ts';

/** Longest time that a stop waits for parts that are still starting, to stop them too. */
const SETTLE_MS = 15_000;

collectLessOften();
const shutdown = new Shutdown();
const starting: Promise<unknown>[] = [];
let stopping: Promise<void> | undefined;

shutdown.listen(() => void stopAll(0));
try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else await tracked(serve(options));
} catch (error) {
  await fail(error);
}

async function serve(options: Options): Promise<void> {
  const { host, port, dataDir } = options.config;
  const cacheDir = join(dataDir, 'cache');
  shutdown.add('data directory', await claimDataDir(dataDir));
  const gate = await openPort(host, port);
  shutdown.add('API', () => gate.close(new AbortController()));
  await checkGivenServers(options.config);
  const sandbox = openSandbox(options.config);
  const [database, temporal, { config, demo }, { startWorkerAndApi }, found] = await Promise.all([
    tracked(openDatabase(options, shutdown)),
    tracked(openTemporal(options, shutdown)),
    tracked(withModel(options.config, shutdown)),
    import('./serve/worker-and-api.ts'),
    models(options.config),
    tracked(workflowBundle(cacheDir, collectorOf(options.config) !== undefined)),
    tracked(prepareConsole()),
  ]);
  shutdown.signal.throwIfAborted();
  const parts = {
    databaseUrl: database.url,
    temporalAddress: temporal.address,
    cacheDir,
    gate,
    sandbox,
  };
  const temporalUiUrl = config.temporalUiUrl ?? temporal.uiUrl;
  const running = await startWorkerAndApi(
    { ...config, temporalUiUrl },
    parts,
    shutdown,
    (error) => void fail(error),
  );
  const text = banner({
    url: reachable(running.url),
    newApiKey: database.newApiKey,
    apiKeyGiven: config.apiKey !== undefined,
    dataDir,
    uiUrl: temporal.uiUrl,
    modelBaseUrl: demo ? undefined : (config.modelBaseUrl ?? 'as MODELS_FILE says'),
    modelFailures: found.filter(({ state }) => state === 'fail'),
    semanticSearch: semanticSearch(config),
    sandbox: running.sandbox,
    seconds: performance.now() / 1_000, // since the process began
  });
  if (!shutdown.signal.aborted) console.log(text);
}

/** The API serves without it. */
async function prepareConsole(): Promise<void> {
  await buildConsole().catch((error: Error) =>
    console.error(`The console could not be built, so there is none: ${error.message}`),
  );
}

/** Replaces the address of all interfaces by a loopback address, which a client on this computer can use. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

/** Opens the port, which answers 503 until all parts are ready. */
async function openPort(host: string, port: number): Promise<Gate> {
  return openGate(host, port).catch((cause: unknown) => {
    throw new StartError(
      `Port ${port} on ${host} is in use or not allowed: choose another with --port, or stop what listens on it.`,
      { cause },
    );
  });
}

/** Registers a start that a stop must wait for. */
function tracked<T>(promise: Promise<T>): Promise<T> {
  starting.push(promise);
  return promise;
}

/** Reports a failure and exits with code 1, unless the failure follows from a requested stop. */
async function fail(error: unknown): Promise<void> {
  if (shutdown.signal.aborted) return;
  console.error(describe(error));
  await stopAll(1);
}

/** Stops all parts, including those that are still starting, and then exits even if handles are open. */
function stopAll(code: number): Promise<void> {
  return (stopping ??= stopAndExit(code));
}

async function stopAndExit(code: number): Promise<void> {
  const patience = new Promise((resolve) => setTimeout(resolve, SETTLE_MS).unref());
  await Promise.race([Promise.allSettled(starting), patience]);
  await shutdown.run();
  process.exit(shutdown.forced ? 130 : code);
}
