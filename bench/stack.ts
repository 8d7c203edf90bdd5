/**
 * The system under test as `npm start` runs it: bin/serve.ts in a process of its own, which starts PostgreSQL and the
 * Temporal server with its own defaults and data on disk. The fake model is a second process, this one drives.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { mintApiKey } from '../db/projects/api-keys.ts';
import { createPool } from '../db/core/pool.ts';
import type { Pool } from '../db/core/pool.ts';
import { preciseNow } from '../test/support/fake-timing.ts';
import { END_WITH_PARENT } from '../test/support/processes.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';
import type { Parts } from './cpu.ts';
import type { Target } from './http.ts';
import type { ModelHandlers } from './model.ts';

const SERVE = fileURLToPath(new URL('../bin/serve.ts', import.meta.url));
const READY = /Threadmill is ready \(([\d.]+) s\)/;
const BASE_URL = /Base URL\s+(\S+)/;
const READY_MS = 180_000;

export type Served = {
  api: Target;
  databaseUrl: string;
  temporalAddress: string;
  /** Seconds from the process's start until it printed that it is ready. */
  readySeconds: number;
  pids: { serve: number; postgres: number; temporal: number };
  stop(): Promise<void>;
};

export type ServeOptions = {
  dataDir: string;
  modelBaseUrl?: string;
  nodeFlags?: string[];
  env?: Record<string, string>;
};

/** Starts bin/serve.ts on free ports. */
export async function serve(options: ServeOptions): Promise<Served> {
  const apiKey = mintApiKey();
  const args = ['--port', '0', '--temporal-ui-port', '0', '--data-dir', options.dataDir];
  const nodeFlags = ['--import', END_WITH_PARENT, ...(options.nodeFlags ?? [])];
  const started = performance.now();
  const child = spawn(process.execPath, [...nodeFlags, SERVE, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own: Ctrl-C reaches only us, and we stop it in order. It ends with us all the same.
    detached: true,
    env: {
      ...process.env,
      THREADMILL_PARENT: String(process.pid),
      THREADMILL_API_KEY: apiKey,
      LOG_LEVEL: 'warn',
      ...(options.modelBaseUrl === undefined ? {} : { MODEL_BASE_URL: options.modelBaseUrl }),
      ...options.env,
    },
  });
  const banner = await readUntil(child, READY);
  const readySeconds = (performance.now() - started) / 1_000;
  const postgres = await readJson<{ port: number; password: string }>(options, 'postgres.json');
  const temporal = await readJson<{ port: number; pid: number }>(options, 'temporal/server.json');
  const postmaster = await readFile(join(options.dataDir, 'postgres/postmaster.pid'), 'utf8');
  return {
    api: { baseUrl: BASE_URL.exec(banner)![1]!, apiKey },
    databaseUrl: `postgres://threadmill:${postgres.password}@127.0.0.1:${postgres.port}/threadmill`,
    temporalAddress: `127.0.0.1:${temporal.port}`,
    readySeconds,
    pids: { serve: child.pid!, postgres: Number.parseInt(postmaster, 10), temporal: temporal.pid },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function readJson<T>({ dataDir }: ServeOptions, name: string): Promise<T> {
  return JSON.parse(await readFile(join(dataDir, name), 'utf8')) as T;
}

/** Reads the child's output up to the line that says it is ready. @throws when it ends or takes too long */
function readUntil(child: ChildProcess, ready: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new Error(`bin/serve.ts is not ready after ${READY_MS / 1_000} s: ${output}`));
    }, READY_MS);
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (!ready.test(output)) return;
      clearTimeout(timer);
      resolve(output);
    });
    child.on('exit', (code) => reject(new Error(`bin/serve.ts ended with ${code}: ${output}`)));
  });
}

export type Stack = Served & {
  /** The fake model, as a direct client sees it. */
  model: Target;
  fake: Child<ModelHandlers>;
  pool: Pool;
  /** Processes for the CPU ledger. */
  parts: Parts;
};

/** The whole arrangement on a new data directory, which is removed at the end. */
export async function startStack(
  options: Pick<ServeOptions, 'nodeFlags' | 'env'> = {},
): Promise<Stack> {
  const dataDir = await temporaryDirectory();
  const fake = startChild<ModelHandlers>('./model.ts');
  const stops: (() => Promise<void>)[] = [
    () => rm(dataDir, { recursive: true, force: true }),
    () => fake.stop(),
  ];
  const stop = onceOnly(async () => {
    for (const end of stops.toReversed()) await end();
  });
  stopOnSignal(stop);
  try {
    const modelBaseUrl = await fake.call('baseUrl');
    await checkClocks(fake);
    const served = await serve({ dataDir, modelBaseUrl, ...options });
    stops.push(() => served.stop());
    const pool = createPool(served.databaseUrl, { max: 2, applicationName: 'bench' });
    stops.push(() => pool.end());
    const { pids } = served;
    const parts: Parts = {
      'API + worker': { pid: pids.serve },
      Temporal: { pid: pids.temporal },
      PostgreSQL: { pid: pids.postgres, tree: true },
      'fake model': { pid: fake.pid },
      driver: { pid: process.pid },
    };
    return { ...served, model: { baseUrl: modelBaseUrl, apiKey: 'none' }, fake, pool, parts, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Beside the data of other programs, on a real disk: /tmp may be memory, which would make fsync free. */
export async function temporaryDirectory(): Promise<string> {
  const parent = process.env['BENCH_DATA_DIR'] ?? tmpdir();
  return mkdtemp(join(parent, 'threadmill-bench-'));
}

/** Delays between processes are differences of their clocks. @throws when those disagree by more than a millisecond */
async function checkClocks(child: Child<{ clock: () => number }>): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const sent = preciseNow();
    const theirs = await child.call('clock');
    const received = preciseNow();
    // Their reading lies between ours, unless the clocks differ.
    best = Math.min(best, Math.max(0, sent - theirs, theirs - received));
  }
  if (best > 1) throw new Error(`The processes' clocks differ by ${best.toFixed(2)} ms.`);
}

function onceOnly(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}

/** Ctrl-C and SIGTERM leave no server behind. */
export function stopOnSignal(stop: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  }
}
