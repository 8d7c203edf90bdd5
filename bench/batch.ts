/**
 * A batch of plain runs on the servers of `npm start`: the rate of each tenth of its lines, and the memory meanwhile. Then a
 * file of the largest size, which is only read: how long the create and the reading take. `BATCH_LINES` chooses the lines.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, { toFile } from 'openai';

import { residentMb } from './cpu.ts';
import { createAssistants } from './ours.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';

const LINES = Number(process.env['BATCH_LINES'] ?? 1_000);
const WINDOW = 32;
const SAMPLE_MS = 250;
const LARGEST = { lines: 50_000, lineBytes: 4_100 };
const MODEL = 'fake:n=20';
const ENDED = ['completed', 'failed', 'expired', 'cancelled'];

type Sample = { seconds: number; done: number; serveMb: number; temporalMb: number };

export async function batchBench(): Promise<void> {
  const stack = await startStack();
  try {
    const client = new OpenAI({ baseURL: stack.api.baseUrl, apiKey: stack.api.apiKey });
    const { plain: assistant } = await createAssistants(stack.api);
    const samples = await runLines(stack, client, assistant);
    reportRun(samples);
    const reading = await readLargest(stack, client, assistant);
    reportReading(reading);
    await writeResult('batch', stack, { lines: LINES, window: WINDOW, samples, reading });
  } finally {
    await stack.stop();
  }
}

/** Of `bytes` each, or as short as they are. */
function* lines(count: number, assistant: string, bytes = 0): Generator<string> {
  for (let n = 0; n < count; n++) {
    const thread = (content: string) => ({ messages: [{ role: 'user', content }] });
    const body = { assistant_id: assistant, model: MODEL, thread: thread(`Question ${n}. `) };
    const line = { custom_id: `line-${n}`, method: 'POST', url: '/v1/threads/runs', body };
    const missing = bytes - JSON.stringify(line).length;
    if (missing > 0) body.thread = thread(`Question ${n}. ${'word '.repeat(missing / 5)}`);
    yield `${JSON.stringify(line)}\n`;
  }
}

async function submit(client: OpenAI, content: Iterable<string>, paused: boolean) {
  const file = await toFile(Buffer.from([...content].join('')), 'input.jsonl');
  const input = await client.files.create({ file, purpose: 'batch' });
  const settings = { 'x-threadmill': { window: WINDOW, paused } };
  const started = performance.now();
  const { id } = await client.batches.create({
    ...settings,
    input_file_id: input.id,
    endpoint: '/v1/threads/runs' as '/v1/responses',
    completion_window: '24h',
  });
  return { id, started, createMs: performance.now() - started };
}

async function runLines(stack: Stack, client: OpenAI, assistant: string): Promise<Sample[]> {
  const { id, started } = await submit(client, lines(LINES, assistant), false);
  const samples: Sample[] = [];
  for (;;) {
    const { status, request_counts: counts } = await client.batches.retrieve(id);
    const [serveMb, temporalMb] = await Promise.all([
      residentMb(stack.pids.serve),
      residentMb(stack.pids.temporal),
    ]);
    const done = counts!.completed + counts!.failed;
    const seconds = (performance.now() - started) / 1_000;
    samples.push({ seconds, done, serveMb, temporalMb });
    if (ENDED.includes(status)) {
      if (counts!.completed !== LINES) throw new Error(`${counts!.completed} lines are completed.`);
      return samples;
    }
    if (samples.length % 40 === 0) progress(`${done} lines after ${fixed(seconds, 0)} s`);
    await sleep(SAMPLE_MS);
  }
}

type Reading = { createMs: number; seconds: number; idleMb: number; mostMb: number };

async function readLargest(stack: Stack, client: OpenAI, assistant: string): Promise<Reading> {
  const { lines: count, lineBytes } = LARGEST;
  const content = lines(count, assistant, lineBytes);
  const { id, started, createMs } = await submit(client, content, true);
  // What the upload took is not of the reading.
  const idleMb = await residentMb(stack.pids.serve);
  for (let mostMb = idleMb; ; await sleep(SAMPLE_MS)) {
    const { status, request_counts: counts } = await client.batches.retrieve(id);
    mostMb = Math.max(mostMb, await residentMb(stack.pids.serve));
    if (status === 'validating') continue;
    if (counts?.total !== count) throw new Error(`The batch is ${status}.`);
    return { createMs, seconds: (performance.now() - started) / 1_000, idleMb, mostMb };
  }
}

function reportRun(samples: readonly Sample[]): void {
  const timeOf = (done: number) => samples.find((one) => one.done >= done)!.seconds;
  const tenths = Array.from({ length: 10 }, (_, n) => {
    const [from, to] = [n, n + 1].map((edge) => timeOf(Math.floor((LINES * edge) / 10)));
    return LINES / 10 / (to! - from!);
  });
  printTable(
    `A batch of ${LINES} runs, ${WINDOW} at once: runs/s by tenth; goal: last ≥ 0.95 × first`,
    ['tenth', 'runs/s'],
    tenths.map((rate, n) => [String(n + 1), fixed(rate, 1)]),
  );
  const quarter = (n: number) =>
    samples.slice(Math.floor((samples.length * n) / 4), Math.ceil((samples.length * (n + 1)) / 4));
  const most = (part: readonly Sample[], name: 'serveMb' | 'temporalMb') =>
    fixed(Math.max(...part.map((one) => one[name])), 0);
  printTable(
    'Most resident memory (MB) by quarter; goal: API + worker, last ≤ 1.1 × second',
    ['quarter', 'API + worker', 'Temporal server'],
    [0, 1, 2, 3].map((n) => {
      const part = quarter(n);
      return [String(n + 1), most(part, 'serveMb'), most(part, 'temporalMb')];
    }),
  );
}

function reportReading({ createMs, seconds, idleMb, mostMb }: Reading): void {
  printTable(
    `A file of ${LARGEST.lines} lines and ${Math.round((LARGEST.lines * LARGEST.lineBytes) / 1e6)} MB`,
    ['', 'seen', 'goal'],
    [
      ['the create answers', `${fixed(createMs, 0)} ms`, '200 ms'],
      ['the file is read', `${fixed(seconds, 1)} s`, '60 s'],
      ['more memory meanwhile', `${fixed(mostMb - idleMb, 0)} MB`, '150 MB'],
    ],
  );
}
