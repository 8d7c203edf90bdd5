/**
 * A batch with faults on the servers of `npm start`, as processes that can be ended one by one: workers are killed at random, and
 * PostgreSQL is restarted. Checks that each line has one result and that no turn was paid for without need, and measures
 * what other work notices. `LINES` (10,000) chooses the lines; `SEED` repeats the moments of the faults.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI from 'openai';

import type { ResultLine } from '../../activities/batches/result-line.ts';
import { createPool } from '../../db/core/pool.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import type { OwnProcess } from '../../test/support/processes.ts';
import type { Child } from '../child.ts';
import { residentMb } from '../cpu.ts';
import type { Target } from '../http.ts';
import { createAssistants, createThreads, runOurs } from '../ours.ts';
import { RecoveryStack } from '../recovery/stack.ts';
import { fixed, printTable, progress, writeResult } from '../report.ts';
import { seededRandom, spread } from '../statistics.ts';
import { answerLate, createTutor, resultsOf, submitLines } from './lines.ts';
import type { FaultyModel } from './model.ts';

const LINES = Number(process.env['LINES'] ?? 10_000);
const SEED = Number(process.env['SEED'] ?? 1);
const KILLS = 5;
const RESTARTS = 2;
const SMALL = 10;
const PROBES = 40;
const PROBE_MODEL = 'fake:n=5';
/** The bench gives up then. */
const MOST_SECONDS = 1_200;

export type Sample = { seconds: number; done: number; mb: number };
type Bench = {
  stack: RecoveryStack;
  workers: OwnProcess[];
  /** Projects: the large batch is of `a`. */
  a: Target;
  b: Target;
  /** Lines under way at each fault: each may have lost a turn. */
  interrupted: number;
  /** Made so far. */
  faults: number;
  starts: Promise<void>[];
};

export async function batchFaults(): Promise<void> {
  await using stack = await RecoveryStack.start({
    model: './batch-faults/model.ts',
    sandbox: 'auto',
  });
  const model = stack.fake as unknown as Child<FaultyModel>;
  await model.call('expect', 5 * LINES + 1_000);
  const workers = [stack.worker, await stack.startWorker()];
  const bench: Bench = {
    stack,
    workers,
    ...(await twoProjects(stack)),
    interrupted: 0,
    faults: 0,
    starts: [],
  };
  const alone = await smallBatch(bench);
  const idle = await probe(bench, () => true);
  const before = await model.call('tally');
  const { samples, small, beside, results } = await largeBatch(bench);
  const after = await model.call('tally');
  const extra = after.calls - before.calls - (after.turns - before.turns);
  const faults = after.faults - before.faults;
  const checks = { ...results, extra, faults, made: bench.faults, interrupted: bench.interrupted };
  report(samples, checks, { alone, small, idle, beside });
  await writeResult('batch-faults', undefined, {
    lines: LINES,
    seed: SEED,
    samples,
    checks,
    small: { alone, beside: small },
    firstTextMs: { idle, beside },
  });
}

async function twoProjects({ postgres, api }: RecoveryStack): Promise<{ a: Target; b: Target }> {
  const pool = createPool(postgres.url, { max: 1, applicationName: 'bench' });
  const b = await createApiKey(pool, { projectName: 'b', name: 'bench' });
  await pool.end();
  return { a: api, b: { ...api, apiKey: b } };
}

const clientOf = ({ baseUrl, apiKey }: Target) =>
  new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 30, timeout: 60_000 });

/** Seconds of a batch of ten lines of the other project. */
async function smallBatch({ b }: Bench): Promise<number> {
  const client = clientOf(b);
  const assistant = await createTutor(client);
  const started = performance.now();
  const id = await submitLines(client, assistant, { count: SMALL, prefix: 's', plain: true });
  await untilEnded(client, id);
  return (performance.now() - started) / 1_000;
}

async function untilEnded(client: OpenAI, id: string): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) return batch;
    await sleep(100);
  }
}

/** Times to the first token of runs that are not of a batch, one after the other, while `goesOn`. */
async function probe({ a }: Bench, goesOn: () => boolean): Promise<number[]> {
  const { plain } = await createAssistants(a);
  const times: number[] = [];
  while (times.length < PROBES && goesOn()) {
    const [thread] = await createThreads(a, 1);
    // A run that a fault of this bench broke off is no measure of the batches.
    const run = await runOurs(a, thread!, plain, PROBE_MODEL).catch(() => undefined);
    if (run !== undefined) times.push(run.firstTextMs);
    await sleep(200);
  }
  return times;
}

type Results = { lost: number; twice: number; wrong: number; failed: number };

async function largeBatch(bench: Bench) {
  const client = clientOf(bench.a);
  const assistant = await createTutor(client);
  const id = await submitLines(client, assistant, { count: LINES, prefix: 'a', plain: false });
  // A second one, so that two saturate the model.
  const other = { count: Math.ceil(LINES / 20), prefix: 'o', plain: true };
  const second = await submitLines(client, assistant, other);
  const state = { ended: false, done: 0 };
  const faults = injectFaults(bench, state);
  const late = answerLate(client, id, () => state.ended);
  // Beside both, before the first fault and after the last one.
  const quietly = probe(bench, () => !state.ended && state.done < 0.15 * LINES);
  const small = until(() => state.done >= 0.1 * LINES).then(() => smallBatch(bench));
  const samples = await watch(bench, { client, id }, state);
  state.ended = true;
  await Promise.all([faults, late]);
  await Promise.all(bench.starts);
  const output = await resultsOf(client, await client.batches.retrieve(id));
  await untilEnded(client, second);
  return { samples, small: await small, beside: await quietly, results: check(output) };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(100);
}

async function watch(
  bench: Bench,
  { client, id }: { client: OpenAI; id: string },
  state: { done: number },
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const started = performance.now();
  for (;;) {
    const { status, request_counts: counts } = await client.batches.retrieve(id);
    const seconds = (performance.now() - started) / 1_000;
    state.done = counts!.completed + counts!.failed;
    const processes = [bench.stack.apiProcess, ...bench.workers];
    const mbs = await Promise.all(
      processes.map(({ pid }) => residentMb(pid).catch(() => Number.NaN)),
    );
    samples.push({ seconds, done: state.done, mb: mbs.reduce((sum, mb) => sum + mb, 0) });
    if (status === 'completed') return samples;
    if (seconds > MOST_SECONDS) throw new Error(`The batch is ${status} after ${seconds} s.`);
    if (samples.length % 60 === 0) progress(`${state.done} lines after ${fixed(seconds, 0)} s`);
    await sleep(250);
  }
}

/** Between a fifth and four fifths of the lines, so that the first and the last tenth are whole. */
async function injectFaults(bench: Bench, state: { done: number; ended: boolean }): Promise<void> {
  const random = seededRandom(SEED);
  const moments = Array.from({ length: KILLS + RESTARTS }, (_, n) => ({
    at: (0.2 + 0.6 * random()) * LINES,
    fault: n < KILLS ? killWorker : restartPostgres,
  }));
  for (const { at, fault } of moments.toSorted((x, y) => x.at - y.at)) {
    await until(
      () => state.ended || (state.done >= at && bench.workers.some((one) => one.running)),
    );
    // Few lines may end before the last fault: the report counts them.
    if (state.ended) return;
    bench.interrupted += await fault(bench, random());
    bench.faults += 1;
  }
}

/** Turns that may be lost with it: those of lines that run. */
async function killWorker(bench: Bench, random: number): Promise<number> {
  const alive = bench.workers.filter((one) => one.running);
  const victim = alive[Math.floor(random * alive.length)]!;
  const running = await countRunning(bench.stack.postgres.url);
  progress(`a worker is killed, ${running} lines run`);
  await victim.kill();
  // The batch goes on meanwhile.
  const replaced = bench.stack.startWorker().then((worker) => {
    bench.workers[bench.workers.indexOf(victim)] = worker;
  });
  bench.starts.push(replaced);
  return running;
}

async function restartPostgres({ stack }: Bench): Promise<number> {
  const running = await countRunning(stack.postgres.url);
  progress(`PostgreSQL is restarted, ${running} lines run`);
  await stack.postgres.stop();
  await stack.startPostgres();
  return running;
}

async function countRunning(url: string): Promise<number> {
  const pool = createPool(url, { max: 1, applicationName: 'bench', scope: '*' });
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::integer as count from batch_lines where state = 'running'`,
  );
  await pool.end();
  return rows[0]!.count;
}

function check(lines: readonly ResultLine[]): Results {
  const answers = lines.map(({ custom_id, response }) => ({
    id: custom_id,
    text: JSON.stringify((response?.body as { messages?: unknown[] })?.messages?.at(-1)),
    status: response?.status_code,
  }));
  const ids = new Set(answers.map(({ id }) => id));
  return {
    lost: LINES - ids.size,
    twice: answers.length - ids.size,
    wrong: answers.filter(({ id, text }) => !text?.includes(`Answer ${id}"`)).length,
    failed: answers.filter(({ status }) => status !== 200).length,
  };
}

type Checks = Results & { extra: number; faults: number; made: number; interrupted: number };
type Beside = { alone: number; small: number; idle: number[]; beside: number[] };

function report(samples: readonly Sample[], checks: Checks, others: Beside): void {
  const timeOf = (done: number) => samples.find((one) => one.done >= done)!.seconds;
  const tenth = (n: number) =>
    LINES / 10 / (timeOf(((n + 1) * LINES) / 10) - timeOf((n * LINES) / 10));
  const quarter = (n: number) => {
    const [from, to] = [n, n + 1].map((edge) => Math.floor((samples.length * edge) / 4));
    // Without those at which a worker was away. The peak: a worker that replaced a killed one has yet to grow.
    const mbs = samples.slice(from, to).map(({ mb }) => mb);
    return Math.max(...mbs.filter((mb) => mb > 0));
  };
  const p95 = (times: number[]) => spread(times).p95;
  const rows: [string, number, string, boolean][] = [
    [
      'workers killed, restarts of PostgreSQL',
      checks.made,
      String(KILLS + RESTARTS),
      checks.made === KILLS + RESTARTS,
    ],
    ['lines without a result', checks.lost, '0', checks.lost === 0],
    ['lines with two', checks.twice, '0', checks.twice === 0],
    ['lines with another answer', checks.wrong, '0', checks.wrong === 0],
    ['lines that failed', checks.failed, '0', checks.failed === 0],
    [
      'calls beyond turns and faults of the model',
      checks.extra - checks.faults,
      `≤ ${checks.interrupted}`,
      checks.extra - checks.faults <= checks.interrupted,
    ],
    goal('rate of the last tenth / first', tenth(9) / tenth(0), '≥', 0.95),
    goal('peak of memory in the last quarter / second', quarter(3) / quarter(1), '≤', 1.1),
    goal('first token p95 / idle', p95(others.beside) / p95(others.idle), '≤', 1.5),
    goal(`${SMALL} lines beside / alone`, others.small / others.alone, '≤', 3),
  ];
  printTable(
    `A batch of ${LINES} lines with faults, ${fixed(samples.at(-1)!.seconds, 0)} s`,
    ['', 'seen', 'goal', 'met'],
    rows.map(([name, seen, wanted, met]) => [name, fixed(seen, 2), wanted, met ? 'yes' : 'no']),
  );
}

function goal(name: string, seen: number, sign: '≤' | '≥', wanted: number) {
  const met = sign === '≤' ? seen <= wanted : seen >= wanted;
  return [name, seen, `${sign} ${wanted}`, met] as [string, number, string, boolean];
}
