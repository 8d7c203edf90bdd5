/**
 * What one project's work does to another's: the time that B waits for a cell, a file and a first token in quiet, and beside
 * floods of A, as ratios of one run.
 */
import { rm } from 'node:fs/promises';

import OpenAI, { toFile } from 'openai';

import { createPool } from '../db/core/pool.ts';
import { createApiKey } from '../db/projects/api-keys.ts';
import { call, stream } from './http.ts';
import type { Target } from './http.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { serve, stopOnSignal, temporaryDirectory } from './stack.ts';
import { median } from './statistics.ts';

const ROUNDS = 3;
const GOAL = 2;
const KERNELS = 8;
const CELLS = 12;
const STORES = 60;
const RUNS = 300;
const FILES = 40;

/** Begins a flood; the returned function waits for its end. */
type Flood = () => Promise<() => Promise<unknown>>;
/** Milliseconds of B's request. */
type Probe = () => Promise<number>;

export async function tenants(): Promise<void> {
  Object.assign(process.env, { SANDBOX_MAX_KERNELS: String(KERNELS) });
  const dataDir = await temporaryDirectory();
  const served = await serve({ dataDir });
  stopOnSignal(() => served.stop());
  try {
    const pool = createPool(served.databaseUrl, { max: 1, applicationName: 'bench' });
    const [a, b] = await Promise.all(
      ['a', 'b'].map(async (projectName) => ({
        ...served.api,
        apiKey: await createApiKey(pool, { projectName, name: 'bench' }),
      })),
    );
    await pool.end();
    const lines = makeLines(a!, b!);
    const figures: Record<string, { quiet: number[]; beside: number[] }> = {};
    for (const [name, { probe, flood }] of Object.entries(lines)) {
      figures[name] = await measure(name, probe, flood);
    }
    report(figures);
    await writeResult('tenants', undefined, { KERNELS, CELLS, STORES, RUNS, FILES, figures });
  } finally {
    await served.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function makeLines(a: Target, b: Target): Record<string, { probe: Probe; flood: Flood }> {
  return {
    'a cell beside 12 cells that sleep': {
      probe: () => run(b, 'Run this:\n```python\nprint(1)\n```'),
      flood: together(CELLS, () =>
        run(a, 'Run this:\n```python\nimport time\ntime.sleep(20)\n```'),
      ),
    },
    'a file beside one file in 60 stores': { probe: () => index(b, [text(100)]), flood: stores(a) },
    'a file beside 40 files': {
      probe: () => index(b, [text(100)]),
      flood: together(1, () =>
        index(
          a,
          Array.from({ length: FILES }, () => text(300)),
        ),
      ),
    },
    'a first token beside 300 runs': {
      probe: () => run(b, 'Hello', 'thread.message.delta'),
      flood: together(RUNS, () => run(a, 'Hello')),
    },
  };
}

async function measure(name: string, probe: Probe, flood: Flood) {
  const quiet: number[] = [];
  const beside: number[] = [];
  // Code that runs for the first time is compiled meanwhile.
  await probe();
  for (let round = 1; round <= ROUNDS; round++) {
    quiet.push(await probe());
    const end = await flood();
    beside.push(await probe());
    await end();
    progress(`${name}: ${fixed(quiet.at(-1)!, 0)} ms quiet, ${fixed(beside.at(-1)!, 0)} ms beside`);
  }
  return { quiet, beside };
}

const SETTLE_MS = 1_000;

function together(count: number, work: () => Promise<unknown>): Flood {
  return async () => {
    const all = Promise.all(Array.from({ length: count }, work));
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, SETTLE_MS))]);
    return () => all;
  };
}

/** From the request until `until`, or to the end of the run. */
async function run(target: Target, content: string, until?: string): Promise<number> {
  const tools = [{ type: 'code_interpreter' }];
  const assistant = await call<{ id: string }>(target, '/assistants', { model: 'demo', tools });
  const thread = { messages: [{ role: 'user', content }] };
  const body = { assistant_id: assistant.id, stream: true, thread };
  const started = performance.now();
  let ms = Number.NaN;
  await stream(target, '/threads/runs', body, (event) => {
    if (event === (until ?? 'thread.run.completed')) ms = performance.now() - started;
    return Number.isNaN(ms) || until === undefined;
  });
  if (Number.isNaN(ms)) throw new Error('A run did not complete.');
  return ms;
}

/** From the request until the files can be searched. */
async function index(target: Target, contents: string[]): Promise<number> {
  const client = new OpenAI({ baseURL: target.baseUrl, apiKey: target.apiKey });
  const store = await client.vectorStores.create({});
  const files = await Promise.all(contents.map((content) => upload(client, content)));
  const started = performance.now();
  const batch = { file_ids: files };
  const ended = await client.vectorStores.fileBatches.createAndPoll(store.id, batch, {
    pollIntervalMs: 20,
  });
  if (ended.status !== 'completed') throw new Error(`A batch ended ${ended.status}.`);
  return performance.now() - started;
}

/** One file of a megabyte, in many stores. */
function stores(target: Target): Flood {
  return async () => {
    const client = new OpenAI({ baseURL: target.baseUrl, apiKey: target.apiKey });
    const file = await upload(client, text(1_000));
    const made = await Promise.all(
      Array.from({ length: STORES }, () => client.vectorStores.create({ file_ids: [file] })),
    );
    const isDone = async (id: string) =>
      (await client.vectorStores.retrieve(id)).file_counts.in_progress === 0;
    return async () => {
      for (const { id } of made) {
        while (!(await isDone(id))) await new Promise((resolve) => setTimeout(resolve, 250));
      }
    };
  };
}

async function upload(client: OpenAI, content: string): Promise<string> {
  const file = await toFile(Buffer.from(content), 'notes.txt');
  return (await client.files.create({ file, purpose: 'assistants' })).id;
}

let made = 0;

/** Words, other ones each time. */
function text(kilobytes: number): string {
  const number = made++;
  const lines = Array.from({ length: kilobytes * 16 }, (_, line) =>
    `Entry ${number} of the book, line ${line}: the weather was mild.`.padEnd(63),
  );
  return lines.join('\n');
}

function report(figures: Record<string, { quiet: number[]; beside: number[] }>): void {
  const rows = Object.entries(figures).map(([name, { quiet, beside }]) => {
    const ratio = median(beside) / median(quiet);
    return [
      name,
      ...[quiet, beside].map((ms) => fixed(median(ms), 0)),
      fixed(ratio, 2),
      ratio <= GOAL ? 'yes' : 'no',
    ];
  });
  printTable(
    "Project B's time, in quiet and beside a flood of project A (ms)",
    ['', 'quiet', 'beside', 'ratio', `≤ ${GOAL}`],
    rows,
  );
}
