/** How long runs stand still after a fault of each part: seconds until the next event, or until the API says what is true. */
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

import type { OwnProcess } from '../test/support/processes.ts';
import { call } from './http.ts';
import { createAssistants, createThreads } from './ours.ts';
import type { Assistants } from './ours.ts';
import { Follower } from './recovery/follow.ts';
import { RecoveryStack } from './recovery/stack.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { newSeed } from './sides.ts';
import { spread } from './statistics.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
/** Part of the name of a fault, to measure it alone. */
const ONLY = process.env['BENCH_ONLY'] ?? '';
/** What a killed worker had sent is on its way a little longer. */
const IN_FLIGHT_MS = 300;

type Run = { path: string; runId: string; follower: Follower };
type Bench = { stack: RecoveryStack; assistants: Assistants };
/** Seconds; `goal` is the most that the issue allows. */
type Fault = { name: string; goal: number; once: (bench: Bench) => Promise<number> };

const FAULTS: Fault[] = [
  { name: 'worker killed in the middle of an answer → next event', goal: 7, once: workerKilled },
  { name: 'worker frozen in the middle of an answer → next event', goal: 10, once: workerFrozen },
  { name: 'workflow terminated → the API says failed', goal: 45, once: terminated },
  { name: "Temporal's data gone → every open run goes on", goal: 60, once: temporalLost },
  { name: 'PostgreSQL restarted: is back → next event', goal: 5, once: postgresRestarted },
  { name: 'Temporal restarted: is back → a waiting run begins', goal: 10, once: temporalRestarted },
  { name: 'API killed, another one listens → next event', goal: 2, once: apiKilled },
];

export async function recovery(): Promise<void> {
  await using stack = await RecoveryStack.start();
  const bench = { stack, assistants: await createAssistants(stack.api) };
  const results: Record<string, { goal: number; seconds: number[]; load: number[] }> = {};
  for (const { name, goal, once } of FAULTS.filter((fault) => fault.name.includes(ONLY))) {
    const result = (results[name] = { goal, seconds: [] as number[], load: [] as number[] });
    for (let round = 0; round < ROUNDS; round++) {
      const milliseconds = await once(bench);
      result.seconds.push(milliseconds / 1_000);
      result.load.push(loadavg()[0]!);
      progress(`${name}: ${fixed(milliseconds / 1_000, 2)} s`);
    }
  }
  report(results);
  await writeResult('recovery', undefined, { rounds: ROUNDS, results });
}

function report(
  results: Record<string, { goal: number; seconds: number[]; load: number[] }>,
): void {
  const rows = Object.entries(results).map(([name, { goal, seconds, load }]) => {
    const slowest = Math.max(...seconds);
    const met = slowest <= goal ? 'yes' : 'no';
    return [
      name,
      fixed(spread(seconds).p50),
      fixed(slowest),
      `≤ ${goal}`,
      met,
      fixed(Math.max(...load)),
    ];
  });
  printTable(`Recovery (s), ${ROUNDS} rounds`, ['', 'p50', 'slowest', 'goal', 'met', 'load'], rows);
}

/** A run whose answer goes on for a quarter of an hour, with a reader that has seen its beginning. */
async function streaming({ stack, assistants }: Bench): Promise<Run> {
  const run = await begin(stack, assistants.plain, `fake:tps=20,n=20000,seed=${newSeed()}`);
  await run.follower.first(0, (event) => event === 'thread.message.delta');
  return run;
}

async function begin(stack: RecoveryStack, assistant_id: string, model: string): Promise<Run> {
  const [threadId] = await createThreads(stack.api, 1);
  const runs = `/threads/${threadId}/runs`;
  const { id } = await call<{ id: string }>(stack.api, runs, { assistant_id, model });
  const path = `${runs}/${id}`;
  return { path, runId: id, follower: new Follower(stack.api, `${path}/events`) };
}

async function end({ stack }: Bench, { path, follower }: Run): Promise<void> {
  await call(stack.api, `${path}/cancel`, {}).catch(() => {});
  follower.stop();
}

async function workerKilled(bench: Bench): Promise<number> {
  return besideAnotherWorker(bench, (worker) => worker.signal('SIGKILL'));
}

async function workerFrozen(bench: Bench): Promise<number> {
  return besideAnotherWorker(bench, (worker) => worker.signal('SIGSTOP'));
}

/** The answer is one worker's, and another one waits for work. */
async function besideAnotherWorker(
  bench: Bench,
  fault: (worker: OwnProcess) => void,
): Promise<number> {
  const { stack } = bench;
  const run = await streaming(bench);
  const first = stack.worker;
  stack.worker = await stack.startWorker();
  // Heartbeats come at times of their own: the fault may meet any moment between two of them.
  await delay(2_000 + Math.random() * 3_000);
  const since = performance.now();
  fault(first);
  const recovered = (await run.follower.first(since + IN_FLIGHT_MS)) - since;
  await first.kill();
  await end(bench, run);
  return recovered;
}

async function terminated(bench: Bench): Promise<number> {
  const run = await streaming(bench);
  const since = performance.now();
  await bench.stack.client.workflow.getHandle(run.runId).terminate();
  await untilStatus(bench, run, 'failed');
  run.follower.stop();
  return performance.now() - since;
}

async function untilStatus({ stack }: Bench, { path }: Run, wanted: string): Promise<void> {
  for (;;) {
    if ((await call<{ status: string }>(stack.api, path)).status === wanted) return;
    await delay(50);
  }
}

async function temporalLost(bench: Bench): Promise<number> {
  const { stack, assistants } = bench;
  const told = await streaming(bench);
  const model = 'fake:tools=1,n=1';
  const parked = await Promise.all(
    Array.from({ length: 3 }, () => begin(stack, assistants.tool, model)),
  );
  for (const run of parked) await untilStatus(bench, run, 'requires_action');
  const since = performance.now();
  await stack.temporalServer.stop();
  await stack.loseTemporal();
  await stack.startTemporal();
  const again = told.follower.first(since, (event) => event === 'thread.message.created');
  await Promise.all(parked.map((run) => answer(bench, run)));
  const recovered = Math.max(performance.now(), await again) - since;
  await end(bench, told);
  return recovered;
}

async function answer(bench: Bench, run: Run): Promise<void> {
  type Paused = {
    required_action: { submit_tool_outputs: { tool_calls: { id: string }[] } };
  };
  const { required_action } = await call<Paused>(bench.stack.api, run.path);
  const tool_outputs = required_action.submit_tool_outputs.tool_calls.map(({ id }) => ({
    tool_call_id: id,
    output: '42',
  }));
  await call(bench.stack.api, `${run.path}/submit_tool_outputs`, { tool_outputs });
  await untilStatus(bench, run, 'completed');
  run.follower.stop();
}

async function postgresRestarted(bench: Bench): Promise<number> {
  const run = await streaming(bench);
  await bench.stack.postgres.stop();
  await bench.stack.startPostgres();
  const since = performance.now();
  const recovered = (await run.follower.first(since)) - since;
  await end(bench, run);
  return recovered;
}

async function temporalRestarted(bench: Bench): Promise<number> {
  const { stack, assistants } = bench;
  await stack.temporalServer.stop();
  const run = await begin(stack, assistants.plain, 'fake:n=1');
  await stack.startTemporal();
  const since = performance.now();
  await run.follower.first(0, (event) => event === 'thread.run.in_progress');
  await untilStatus(bench, run, 'completed');
  run.follower.stop();
  return performance.now() - since;
}

async function apiKilled(bench: Bench): Promise<number> {
  const run = await streaming(bench);
  await bench.stack.apiProcess.kill();
  await bench.stack.startApi();
  const since = performance.now();
  const recovered = (await run.follower.first(since)) - since;
  await end(bench, run);
  return recovered;
}
