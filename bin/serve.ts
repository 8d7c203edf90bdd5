/**
 * Everything on one computer, in one process and two servers of its own: database, Temporal, demo model, worker, API.
 * Whatever can start at the same time does. Every expected failure is one sentence and exit code 1.
 */
import { join } from 'node:path';
import { semanticSearch } from '../config/config.ts';
import { collectLessOften } from '../config/heap.ts';
import { openGate } from '../api/http/gate.ts';
import type { Gate } from '../api/http/gate.ts';
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

/** How long a stop waits for parts that are still starting, so that it can stop them too. */
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
  const [database, temporal, { config, demo }, { startOurs }, , found] = await Promise.all([
    tracked(openDatabase(options, shutdown)),
    tracked(openTemporal(options, shutdown)),
    tracked(withModel(options.config, shutdown)),
    import('./serve/ours.ts'),
    tracked(workflowBundle(cacheDir)),
    models(options.config),
  ]);
  shutdown.signal.throwIfAborted();
  const parts = {
    databaseUrl: database.url,
    temporalAddress: temporal.address,
    cacheDir,
    gate,
    sandbox,
  };
  const ours = await startOurs(config, parts, shutdown, (error) => void fail(error));
  const text = banner({
    baseUrl: `${reachable(ours.url)}/v1`,
    apiKey: database.apiKey,
    apiKeyGiven: config.apiKey !== undefined,
    dataDir,
    uiUrl: temporal.uiUrl,
    modelBaseUrl: demo ? undefined : (config.modelBaseUrl ?? 'as MODELS_FILE says'),
    modelFailures: found.filter(({ state }) => state === 'fail'),
    semanticSearch: semanticSearch(config),
    sandbox: ours.sandbox,
    seconds: performance.now() / 1_000, // since the process began
  });
  if (!shutdown.signal.aborted) console.log(text);
}

/** An address that a client on this computer can use, when the API listens on all of them. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

/** From now on the port answers, with 503 until everything is ready. */
async function openPort(host: string, port: number): Promise<Gate> {
  return openGate(host, port).catch((cause: unknown) => {
    throw new StartError(
      `Port ${port} on ${host} is in use or not allowed: choose another with --port, or stop what listens on it.`,
      { cause },
    );
  });
}

/** Remembers what a stop has to wait for. */
function tracked<T>(promise: Promise<T>): Promise<T> {
  starting.push(promise);
  return promise;
}

/** Reports a failure, unless it only follows from a stop that was asked for, and ends with code 1. */
async function fail(error: unknown): Promise<void> {
  if (shutdown.signal.aborted) return;
  console.error(describe(error));
  await stopAll(1);
}

/** Stops what runs and what is still starting, then exits: nothing may keep the process alive after that. */
function stopAll(code: number): Promise<void> {
  return (stopping ??= stopAndExit(code));
}

async function stopAndExit(code: number): Promise<void> {
  const patience = new Promise((resolve) => setTimeout(resolve, SETTLE_MS).unref());
  await Promise.race([Promise.allSettled(starting), patience]);
  await shutdown.run();
  process.exit(shutdown.forced ? 130 : code);
}
