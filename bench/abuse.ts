/**
 * What one thread's hostile code does to everybody else: the latency of cheap requests to the API while cells eat
 * memory, processes, disk, output and time, or while files made to break a parser are indexed, against the same requests
 * in quiet. A cell that sleeps shows what a run alone does. All take turns within a round.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, { toFile } from 'openai';

import { ARCHIVES } from '../test/retrieval/support/hostile-archives.ts';
import { PAGES } from '../test/retrieval/support/hostile-files.ts';
import { PDFS } from '../test/retrieval/support/hostile-pdfs.ts';
import { call, stream } from './http.ts';
import type { Target } from './http.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { serve, stopOnSignal, temporaryDirectory } from './stack.ts';
import { medianWithInterval, spread } from './statistics.ts';

const ROUNDS = 5;
const SECONDS = 5;
const REQUESTS_PER_SECOND = 40;
const GOAL = 2;

/** The demo model runs a program that stands in the question as it is. */
const ABUSES: Record<string, string> = {
  memory: 'kept = []\nwhile True: kept.append(bytearray(10 << 20))',
  processes:
    'import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass',
  disk: 'with open("/mnt/data/fill", "wb") as file:\n    while True: file.write(bytes(1 << 20))',
  output: 'while True: print("x" * 1000)',
  time: 'while True:\n    try:\n        while True: pass\n    except BaseException: pass',
};

const HARMLESS = 'import time\ntime.sleep(2)';

/** Of the suite's files, the slowest of each kind. */
const FILES = [
  'a million open states',
  'a million words, one by one',
  'a gibibyte of white space',
  'a bomb of elements',
  'a million elements deep',
  'a million empty elements',
];

/** What goes on meanwhile, once from beginning to end; `begun` is called when it is under way. */
type Lane = (begun: () => void) => Promise<void>;

/** Milliseconds of each request, by phase. */
type Round = Record<string, number[]>;

export async function abuse(): Promise<void> {
  // Cells and parsers end soon, so that many of each kind run.
  Object.assign(process.env, {
    CELL_SOFT_SECONDS: '2',
    CELL_HARD_SECONDS: '3',
    PARSE_SECONDS: '7',
  });
  const dataDir = await temporaryDirectory();
  const served = await serve({ dataDir });
  stopOnSignal(() => served.stop());
  try {
    const phases = await makePhases(served.api);
    // Code that runs for the first time is compiled meanwhile.
    await beside(served.api, phases['harmless']!);
    const rounds: Round[] = [];
    for (let number = 1; number <= ROUNDS; number++) {
      const round: Round = {};
      for (const [phase, lanes] of Object.entries(phases)) {
        round[phase] = await beside(served.api, lanes);
      }
      rounds.push(round);
      const p99s = Object.entries(round).map(([phase, ms]) => `${phase} ${fixed(spread(ms).p99)}`);
      progress(`round ${number} of ${ROUNDS}, p99 in ms: ${p99s.join(', ')}`);
    }
    report(rounds);
    await writeResult('abuse', undefined, { abuses: ABUSES, files: FILES, rounds });
  } finally {
    await served.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Nothing, a run alone, one kind of abuse each, all kinds of cells at once, one file after another. */
async function makePhases(api: Target): Promise<Record<string, Lane[]>> {
  const tools = [{ type: 'code_interpreter' }];
  const assistant = await call<{ id: string }>(api, '/assistants', { model: 'demo', tools });
  const cell =
    (code: string): Lane =>
    (begun) =>
      runCell(api, assistant.id, code, begun);
  const kinds = Object.entries(ABUSES).map(([kind, code]) => [kind, [cell(code)]] as const);
  return {
    quiet: [],
    harmless: [cell(HARMLESS)],
    ...Object.fromEntries(kinds),
    all: Object.values(ABUSES).map(cell),
    files: [await indexing(api)],
  };
}

/** At a fixed rate, each timed from the moment it was due. */
async function measure(api: Target): Promise<number[]> {
  const body = { messages: [{ role: 'user', content: 'Hello' }] };
  const { id } = await call<{ id: string }>(api, '/threads', body);
  const kinds = [
    () => call(api, `/threads/${id}`),
    () => call(api, `/threads/${id}/messages?limit=5`),
    () => call(api, `/threads/${id}/messages`, body.messages[0]),
  ];
  const count = SECONDS * REQUESTS_PER_SECOND;
  const started = performance.now();
  const latencies = Array.from({ length: count }, async (_, index) => {
    const due = started + (index * 1_000) / REQUESTS_PER_SECOND;
    await sleep(Math.max(0, due - performance.now()));
    await kinds[index % kinds.length]!();
    return performance.now() - due;
  });
  return Promise.all(latencies);
}

/** Each lane again and again, until the measurement is over. */
async function beside(api: Target, lanes: Lane[]): Promise<number[]> {
  let isOver = false;
  const begun = Promise.withResolvers<void>();
  if (lanes.length === 0) begun.resolve();
  const running = lanes.map(async (lane) => {
    while (!isOver) await lane(() => begun.resolve());
  });
  await Promise.race([begun.promise, ...running]);
  const latencies = await measure(api);
  isOver = true;
  await Promise.all(running);
  return latencies;
}

async function runCell(
  api: Target,
  assistantId: string,
  code: string,
  begun: () => void,
): Promise<void> {
  const content = `Run this:\n\`\`\`python\n${code}\n\`\`\``;
  const body = {
    assistant_id: assistantId,
    stream: true,
    thread: { messages: [{ role: 'user', content }] },
  };
  let status = '';
  await stream(api, '/threads/runs', body, (event) => {
    if (event === 'thread.run.step.in_progress') begun();
    if (event.startsWith('thread.run.') && !event.startsWith('thread.run.step.')) status = event;
  });
  if (status !== 'thread.run.completed') throw new Error(`A run ended with ${status}.`);
}

/** Uploads the files; each time the lane is taken, the next of them is indexed. */
async function indexing({ baseUrl, apiKey }: Target): Promise<Lane> {
  const client = new OpenAI({ baseURL: baseUrl, apiKey });
  const store = await client.vectorStores.create({});
  const known = [...ARCHIVES, ...PDFS, ...PAGES];
  const ids: string[] = [];
  for (const name of FILES) {
    const [, extension, make] = known.find(([other]) => other === name)!;
    const file = await toFile(Buffer.from(make()), `${name}.${extension}`);
    ids.push((await client.files.create({ file, purpose: 'assistants' })).id);
  }
  let count = 0;
  return async (begun) => {
    const fileId = ids[count++ % ids.length]!;
    // A size of its own each time: what was chunked in the same way is not parsed again.
    const max_chunk_size_tokens = 4_096 - count;
    await client.vectorStores.files.create(store.id, {
      file_id: fileId,
      chunking_strategy: {
        type: 'static',
        static: { max_chunk_size_tokens, chunk_overlap_tokens: 0 },
      },
    });
    begun();
    await client.vectorStores.files.poll(store.id, fileId, { pollIntervalMs: 250 });
    await client.vectorStores.files.delete(fileId, { vector_store_id: store.id });
  };
}

function report(rounds: Round[]): void {
  const rows = Object.keys(rounds[0]!).map((phase) => {
    const { p50, p95, p99, n } = spread(rounds.flatMap((round) => round[phase]!));
    const figures = [phase, n, fixed(p50), fixed(p95), fixed(p99)];
    if (phase === 'quiet') return [...figures, '', ''];
    const p99Of = (round: Round, of: string) => spread(round[of]!).p99;
    const ratios = rounds.map((round) => p99Of(round, phase) / p99Of(round, 'quiet'));
    const { median, low, high } = medianWithInterval(ratios);
    const met = high <= GOAL ? 'yes' : low > GOAL ? 'no' : 'unclear';
    return [...figures, `${fixed(median, 2)} [${fixed(low, 2)}, ${fixed(high, 2)}]`, met];
  });
  printTable(
    'Latency of cheap requests beside hostile cells and files (ms)',
    ['', 'requests', 'p50', 'p95', 'p99', 'p99 over quiet', `≤ ${GOAL}`],
    rows,
  );
}
