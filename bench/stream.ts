/** Live runs through the whole system: how long each token takes, and what that costs (performance.md P6). */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI from 'openai';

import { EVENTS_CHANNEL } from '../db/events/run-events.ts';
import { createClient } from '../db/core/pool.ts';
import type { Usage } from './cpu.ts';
import { isQuiet, startLedger, waitForQuiet } from './cpu.ts';
import { createAssistants, createThreads } from './ours.ts';
import type { Behaviour, Fault, Reading } from './readers.ts';
import { check, readDirect, readRun } from './readers.ts';
import {
  fixed,
  harnessCell,
  postgresSettings,
  printTable,
  progress,
  writeResult,
} from './report.ts';
import { newSeed } from './sides.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';
import { quantile } from './statistics.ts';

const STREAMS = (process.env['BENCH_STREAMS'] ?? '50,100,200').split(',').map(Number);
const TOKENS_PER_SECOND = 20;
const QUIET_SECONDS = Number(process.env['BENCH_QUIET_SECONDS'] ?? 60);
/** Runs start over this time, so that their tokens do not fall on the same moments. */
const START_MS = 4_000;
const SETTLE_MS = 2_000;
const WINDOW_MS = Number(process.env['BENCH_WINDOW_SECONDS'] ?? 20) * 1_000;
const NOTIFY_MS = 3_000;
const DIRECT_MS = 5_000;

type Delays = { p50: number; p90: number; p99: number; max: number; tokens: number };
type Traffic = {
  writesPerSecond: number;
  readsPerSecond: number;
  rowsPerSecond: number;
  walKbPerSecond: number;
};

type Result = {
  streams: number;
  quiet: boolean;
  delays: Delays;
  direct: Delays;
  /** How late this process's own event loop ran, p99 in ms. */
  driverLoopMs: number;
  traffic: Traffic;
  notifiesPerSecond: number;
  usage: Usage;
  faults: Fault[];
};

export async function streamBench(): Promise<void> {
  const stack = await startStack();
  try {
    await postgresSettings(stack);
    const { plain } = await createAssistants(stack.api);
    progress('warming up');
    await measure(stack, plain, 20, 3_000);
    const results: Result[] = [];
    for (const streams of STREAMS) {
      const result = await measure(stack, plain, streams, WINDOW_MS);
      progress(
        `${streams} streams: p50 ${fixed(result.delays.p50)} ms, p99 ${fixed(result.delays.p99)} ms`,
      );
      results.push(result);
    }
    report(results);
    await writeResult('stream', stack, {
      tokensPerSecond: TOKENS_PER_SECOND,
      windowMs: WINDOW_MS,
      results,
    });
  } finally {
    await stack.stop();
  }
}

async function measure(
  stack: Stack,
  assistantId: string,
  streams: number,
  windowMs: number,
): Promise<Result> {
  const client = new OpenAI({
    baseURL: stack.api.baseUrl,
    apiKey: stack.api.apiKey,
    maxRetries: 0,
  });
  const quietBefore = await waitForQuiet(stack.parts, QUIET_SECONDS);
  const direct = await measureDirect(stack, streams);
  const threads = await createThreads(stack.api, streams);
  const seconds = (START_MS + SETTLE_MS + windowMs + NOTIFY_MS) / 1_000;
  const tokens = Math.ceil(seconds * TOKENS_PER_SECOND);
  const delays: { at: number; delayMs: number }[] = [];
  const over = Promise.withResolvers<void>();
  const readings: Promise<Reading>[] = [];
  for (const [index, threadId] of threads.entries()) {
    const model = `fake:tps=${TOKENS_PER_SECOND},n=${tokens},seed=${newSeed()}`;
    const job = { threadId, assistantId, model, behaviour: behaviourOf(index) };
    const onToken = (at: number, delayMs: number) => void delays.push({ at, delayMs });
    readings.push(readRun(client, stack.api, job, { onToken, slowUntil: over.promise }));
    await sleep(START_MS / streams);
  }
  await sleep(SETTLE_MS);
  const window = await measureWindow(stack, windowMs);
  const notifiesPerSecond = await countNotifies(stack);
  over.resolve();
  const read = await Promise.all(readings);
  const faults = (await Promise.all(read.map((one) => check(stack.api, one, tokens)))).flat();
  const inWindow = delays.filter(({ at }) => at >= window.from && at < window.to);
  return {
    streams,
    quiet: quietBefore && isQuiet(window.usage),
    delays: delaysOf(inWindow.map((one) => one.delayMs)),
    direct,
    driverLoopMs: window.loopMs,
    traffic: window.traffic,
    notifiesPerSecond,
    usage: window.usage,
    faults,
  };
}

function behaviourOf(index: number): Behaviour {
  return (['slow', 'disconnecting', 'late'] as const)[index] ?? 'steady';
}

async function measureDirect(stack: Stack, streams: number): Promise<Delays> {
  const client = new OpenAI({ baseURL: stack.model.baseUrl, apiKey: 'none', maxRetries: 0 });
  const delays: number[] = [];
  const tokens = ((START_MS + DIRECT_MS) / 1_000) * TOKENS_PER_SECOND;
  const readings: Promise<void>[] = [];
  for (let index = 0; index < streams; index++) {
    const model = `fake:tps=${TOKENS_PER_SECOND},n=${tokens}`;
    readings.push(readDirect(client, model, (_at, delayMs) => void delays.push(delayMs)));
    await sleep(START_MS / streams);
  }
  await Promise.all(readings);
  return delaysOf(delays);
}

async function measureWindow(stack: Stack, windowMs: number) {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const stopLedger = await startLedger(stack.parts);
  const before = await counters(stack);
  await sleep(windowMs);
  const after = await counters(stack);
  const usage = await stopLedger();
  loop.disable();
  const seconds = (after.at - before.at) / 1_000;
  const writes = after.writes - before.writes;
  const traffic: Traffic = {
    writesPerSecond: writes / seconds,
    readsPerSecond: (after.commits - before.commits - writes) / seconds,
    rowsPerSecond: (after.rows - before.rows) / seconds,
    walKbPerSecond: (after.wal - before.wal) / seconds / 1_024,
  };
  const epoch = performance.timeOrigin;
  return {
    from: epoch + before.at,
    to: epoch + after.at,
    usage,
    traffic,
    loopMs: loop.percentile(99) / 1e6,
  };
}

type Counters = { at: number; writes: number; commits: number; rows: number; wal: number };

/** Transactions that wrote are counted by their ids, the others by what the server counted in all. */
async function counters({ pool }: Stack): Promise<Counters> {
  const { rows } = await pool.query<Omit<Counters, 'at'>>(
    `select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as writes,
       (select xact_commit from pg_stat_database where datname = current_database()) as commits,
       (select sum(n_tup_ins)::bigint from pg_stat_user_tables where relname like 'run_events%') as rows,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint as wal`,
  );
  return { at: performance.now(), ...rows[0]! };
}

/** After the window, because a listener more is work for the server. */
async function countNotifies(stack: Stack): Promise<number> {
  const client = createClient(stack.databaseUrl, 'bench-listen');
  await client.connect();
  let count = 0;
  client.on('notification', () => (count += 1));
  await client.query(`listen ${EVENTS_CHANNEL}`);
  const started = performance.now();
  await sleep(NOTIFY_MS);
  const perSecond = count / ((performance.now() - started) / 1_000);
  await client.end();
  return perSecond;
}

function delaysOf(values: number[]): Delays {
  return {
    p50: quantile(values, 0.5),
    p90: quantile(values, 0.9),
    p99: quantile(values, 0.99),
    max: quantile(values, 1),
    tokens: values.length,
  };
}

function report(results: Result[]): void {
  printTable(
    'Relay delay: model sends a token → client has read it (ms); goal p50 ≤ 10, p99 ≤ 30',
    [
      'streams',
      'p50',
      'p90',
      'p99',
      'max',
      'tokens',
      'direct p50',
      'direct p99',
      'driver loop p99',
      'faults',
    ],
    results.map(({ streams, delays, direct, driverLoopMs, faults, quiet }) => [
      `${streams}${quiet ? '' : ' (under load)'}`,
      ...[delays.p50, delays.p90, delays.p99, delays.max].map((value) => fixed(value)),
      delays.tokens,
      fixed(direct.p50),
      fixed(direct.p99),
      fixed(driverLoopMs),
      faults.length,
    ]),
  );
  for (const { runId, behaviour, problem } of results.flatMap((result) => result.faults)) {
    console.log(`FAULT ${runId} (${behaviour} reader): ${problem}`);
  }
  reportCores(results);
  reportTraffic(results);
}

function reportCores(results: Result[]): void {
  const parts = Object.keys(results[0]!.usage.parts);
  printTable(
    'Cores by process; goal: PostgreSQL < 0.5',
    ['streams', ...parts, 'foreign', 'stolen', 'harness'],
    results.map(({ streams, usage }) => [
      streams,
      ...Object.values(usage.parts).map((ms) => fixed(ms / usage.wallMs, 2)),
      fixed(usage.foreignCores, 2),
      fixed(usage.stolenCores, 2),
      harnessCell(usage),
    ]),
  );
}

function reportTraffic(results: Result[]): void {
  printTable(
    'Per second',
    [
      'streams',
      'flushes',
      'NOTIFYs',
      'reads',
      'event rows',
      'tokens per row',
      'tokens per flush',
      'WAL kB',
    ],
    results.map(({ streams, traffic, notifiesPerSecond }) => [
      streams,
      fixed(traffic.writesPerSecond),
      fixed(notifiesPerSecond),
      fixed(traffic.readsPerSecond),
      fixed(traffic.rowsPerSecond, 0),
      fixed((streams * TOKENS_PER_SECOND) / traffic.rowsPerSecond, 2),
      fixed((streams * TOKENS_PER_SECOND) / traffic.writesPerSecond),
      fixed(traffic.walKbPerSecond, 0),
    ]),
  );
}
