/**
 * A batch whose lines are parked, paused and cancelled: what 1,000 lines in requires_action cost, how soon one of them goes on,
 * how long a pause lets the model be asked, and what a cancel leaves. `PARKED` (1,000) and `IN_FLIGHT` (100) choose the lines.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, { toFile } from 'openai';

import { preciseNow } from '../test/support/fake-timing.ts';
import type { Usage } from './cpu.ts';
import { isQuiet, startLedger } from './cpu.ts';
import { call } from './http.ts';
import { createAssistants } from './ours.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';
import { spread } from './statistics.ts';

const PARKED = Number(process.env['PARKED'] ?? 1_000);
const RESUMES = 20;
const LEDGER_SECONDS = 20;
const IN_FLIGHT = Number(process.env['IN_FLIGHT'] ?? 100);
const LINES = 6 * IN_FLIGHT;
const PAUSES = 3;
/** How long the bench counts calls of the model after a pause. */
const AFTER_PAUSE_SECONDS = 4;
const ENDPOINT = '/v1/threads/runs';

type Bench = { stack: Stack; client: OpenAI; assistant: string };

export async function batchControl(): Promise<void> {
  const stack = await startStack();
  try {
    const { apiKey, baseUrl: baseURL } = stack.api;
    const client = new OpenAI({ apiKey, baseURL });
    const { tool: assistant } = await createAssistants(stack.api);
    const bench = { stack, client, assistant };
    await resumeOne(bench, 'warm-up');
    const resumed = { one: await resumeAlone(bench), of: [] as number[] };
    const idle = await ledger(stack);
    const parked = await park(bench, PARKED, 'parked');
    const usage = await ledger(stack);
    for (let n = 0; n < RESUMES; n++) resumed.of.push(await resume(bench, parked, n));
    await client.batches.cancel(parked.id);
    await untilEnded(client, parked.id);
    const control = await pauseAndCancel(bench);
    report({ idle, usage, resumed, control });
    const figures = { parked: PARKED, idle, usage, resumed, control };
    await writeResult('batch-control', stack, figures);
  } finally {
    await stack.stop();
  }
}

type Submitted = { id: string; models: string[] };

/** Each line has a model of its own, so that its calls are known. */
async function submit(
  { client, assistant }: Bench,
  models: string[],
  window: number,
): Promise<Submitted> {
  const lines = models.map((model, n) => {
    const thread = { messages: [{ role: 'user', content: `Question ${n}` }] };
    const body = { assistant_id: assistant, model, thread };
    return JSON.stringify({ custom_id: `line-${n}`, method: 'POST', url: ENDPOINT, body });
  });
  const file = await toFile(Buffer.from(lines.join('\n')), 'input.jsonl');
  const input = await client.files.create({ file, purpose: 'batch' });
  const settings = { 'x-threadmill': { window } };
  const { id } = await client.batches.create({
    ...settings,
    input_file_id: input.id,
    endpoint: ENDPOINT as '/v1/responses',
    completion_window: '24h',
  });
  return { id, models };
}

let seeds = 0;
const modelsOf = (count: number, timing: string) =>
  Array.from({ length: count }, () => `fake:${timing},seed=${++seeds}`);

type Parked = Submitted & { runs: { id: string; thread_id: string; model: string }[] };

/** Until every line waits for the output of its function. */
async function park(bench: Bench, count: number, what: string): Promise<Parked> {
  const submitted = await submit(bench, modelsOf(count, 'n=1,tools=1'), IN_FLIGHT);
  const text = `select id, thread_id, model from runs where batch_id = $1 and status = 'requires_action'`;
  for (let seen = -1; ;) {
    const { rows: runs } = await bench.stack.pool.query<Parked['runs'][number]>(text, [
      submitted.id,
    ]);
    if (runs.length === count) return { ...submitted, runs };
    if (count > 1 && Math.floor(runs.length / 200) !== seen) {
      seen = Math.floor(runs.length / 200);
      progress(`${what}: ${runs.length} lines wait`);
    }
    await sleep(count > 1 ? 500 : 20);
  }
}

/** Ms from the submit until its model is asked again. */
async function resume({ stack }: Bench, { runs }: Parked, n: number): Promise<number> {
  const { id, thread_id: thread, model } = runs[n]!;
  const path = `/threads/${thread}/runs/${id}`;
  type Waiting = {
    required_action: { submit_tool_outputs: { tool_calls: { id: string }[] } };
  };
  const run = await call<Waiting>(stack.api, path, undefined);
  const outputs = run.required_action.submit_tool_outputs.tool_calls.map((one) => ({
    tool_call_id: one.id,
    output: 'found',
  }));
  const sent = preciseNow();
  await call(stack.api, `${path}/submit_tool_outputs`, { tool_outputs: outputs });
  for (;;) {
    const [times] = await stack.fake.call('arrivals', [model]);
    if (times!.length > 1) return times![1]! - sent;
    await sleep(5);
  }
}

async function resumeOne(bench: Bench, what: string): Promise<number> {
  const parked = await park(bench, 1, what);
  const ms = await resume(bench, parked, 0);
  await untilEnded(bench.client, parked.id);
  return ms;
}

async function resumeAlone(bench: Bench): Promise<number[]> {
  const times: number[] = [];
  while (times.length < RESUMES) times.push(await resumeOne(bench, 'one'));
  return times;
}

async function ledger(stack: Stack): Promise<Usage> {
  await sleep(5_000);
  const stop = await startLedger(stack.parts);
  await sleep(LEDGER_SECONDS * 1_000);
  return stop();
}

async function untilEnded(client: OpenAI, id: string): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) return batch;
    await sleep(50);
  }
}

type Pause = { answeredMs: number; inFlight: number; lastCallMs: number; callsAfterSecond: number };
type Control = {
  pauses: Pause[];
  cancel: { endedMs: number; done: number; kept: number; unanswered: number };
};

async function pauseAndCancel(bench: Bench): Promise<Control> {
  const models = modelsOf(LINES, 'ttft=200,tps=5,n=20');
  const { id } = await submit(bench, models, IN_FLIGHT);
  const pauses: Pause[] = [];
  while (pauses.length < PAUSES) {
    const goal = (pauses.length + 1) * IN_FLIGHT;
    const inFlight = await untilAsked(bench, id, goal);
    pauses.push({ inFlight, ...(await pause(bench, id, models)) });
    await setPaused(bench, id, false);
  }
  await untilAsked(bench, id, (PAUSES + 1) * IN_FLIGHT);
  progress('cancels the batch');
  const before = await bench.client.batches.retrieve(id);
  const sent = performance.now();
  await bench.client.batches.cancel(id);
  const { status, output_file_id, request_counts } = await untilEnded(bench.client, id);
  if (status !== 'cancelled') throw new Error(`The batch is ${status}.`);
  const endedMs = performance.now() - sent;
  const output = await (await bench.client.files.content(output_file_id!)).text();
  const kept = output.trimEnd().split('\n').length;
  const done = before.request_counts!.completed;
  if (kept !== request_counts!.completed) throw new Error(`${kept} results were kept.`);
  return { pauses, cancel: { endedMs, done, kept, unanswered: LINES - kept } };
}

/** Until so many lines were started and a full window runs. */
async function untilAsked({ stack }: Bench, id: string, goal: number): Promise<number> {
  const text = `select count(*) filter (where state <> 'pending')::integer as started,
    count(*) filter (where state = 'running')::integer as running from batch_lines where batch_id = $1`;
  for (;;) {
    const { rows } = await stack.pool.query<{ started: number; running: number }>(text, [id]);
    const { started, running } = rows[0]!;
    if (started >= goal && running >= 0.9 * IN_FLIGHT) return running;
    await sleep(20);
  }
}

const setPaused = ({ stack }: Bench, id: string, paused: boolean) =>
  call(stack.api, `/batches/${id}`, { 'x-threadmill': { paused } });

async function pause(bench: Bench, id: string, models: string[]): Promise<Omit<Pause, 'inFlight'>> {
  const sent = preciseNow();
  await setPaused(bench, id, true);
  const answeredMs = preciseNow() - sent;
  await sleep(AFTER_PAUSE_SECONDS * 1_000);
  const arrivals = (await bench.stack.fake.call('arrivals', models)).flat();
  const after = arrivals.filter((at) => at > sent).map((at) => at - sent);
  return {
    answeredMs,
    lastCallMs: Math.max(0, ...after),
    callsAfterSecond: after.filter((ms) => ms > 1_000).length,
  };
}

type Figures = {
  idle: Usage;
  usage: Usage;
  resumed: { one: number[]; of: number[] };
  control: Control;
};

function report({ idle, usage, resumed, control }: Figures): void {
  const share = (part: string, { parts, wallMs }: Usage) => (100 * parts[part]!) / wallMs;
  const quiet = isQuiet(idle) && isQuiet(usage) ? '' : ', but other programs ran';
  printTable(
    `Percent of a core over ${LEDGER_SECONDS} s${quiet}; goal: API + worker ≤ 3`,
    ['', 'no line', `${PARKED} lines parked`],
    ['API + worker', 'Temporal', 'PostgreSQL'].map((part) => [
      part,
      ...[idle, usage].map((one) => fixed(share(part, one))),
    ]),
  );
  printTable(
    'Outputs sent → model asked (ms)',
    ['parked', 'p50', 'p95', 'n'],
    Object.entries({ 1: resumed.one, [PARKED]: resumed.of }).map(([count, times]) => {
      const { p50, p95, n } = spread(times);
      return [count, fixed(p50), fixed(p95), n];
    }),
  );
  printTable(
    `Pauses; goal: no call after 1 s`,
    ['lines in flight', 'answered (ms)', 'last call (ms)', 'calls after 1 s'],
    control.pauses.map((one) => [
      one.inFlight,
      fixed(one.answeredMs),
      fixed(one.lastCallMs),
      one.callsAfterSecond,
    ]),
  );
  const { endedMs, done, kept, unanswered } = control.cancel;
  printTable(
    'A cancel',
    ['ended after (ms)', 'done before', 'results kept', 'others reported'],
    [[fixed(endedMs, 0), done, kept, unanswered]],
  );
}
