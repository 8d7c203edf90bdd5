/**
 * A whole batch of files into a vector store: how many settle each second from the batch's request on, how much memory
 * that takes, and what it does to runs that people wait for meanwhile. Then the same files into a second store, which
 * needs no parsing. One worker, and an embeddings server that answers at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, { toFile } from 'openai';

import { startFakeEmbeddings } from '../test/support/fake-embeddings.ts';
import { residentMb } from './cpu.ts';
import { createAssistants, createThreads, runOurs } from './ours.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';
import { spread } from './statistics.ts';
import { seeded, zipfWords } from './vectors.ts';

/** As many as a batch may have. */
const FILES = 2_000;
/** About five chunks. */
const WORDS = 1_000;
const POLL_MS = 1_000;
const AT_ONCE = 8;
const RUN_EVERY_MS = 1_000;
const RUNS_ALONE = 30;

type Sample = { seconds: number; completed: number; serveMb: number; temporalMb: number };

export async function ingestBench(): Promise<void> {
  await using embeddings = await startFakeEmbeddings();
  const env = { EMBEDDINGS_BASE_URL: embeddings.baseUrl };
  const stack = await startStack({ env });
  try {
    const client = new OpenAI({ baseURL: stack.api.baseUrl, apiKey: stack.api.apiKey });
    const ids = await upload(client);
    progress(`${FILES} files are uploaded`);
    const visitors = await openVisitors(stack);
    const alone = await visitors.come((count) => count < RUNS_ALONE);
    const before = await sample(stack, 0, 0);
    let isOver = false;
    const [fresh, beside] = await Promise.all([
      ingest(stack, client, ids).finally(() => (isOver = true)),
      visitors.come(() => !isOver),
    ]);
    const chunks = embeddings.texts.length;
    const known = await ingest(stack, client, ids);
    if (embeddings.texts.length > chunks) throw new Error('A known document was embedded again.');
    reportRates({ new: fresh, known }, chunks);
    reportMemory(before, fresh);
    reportRuns(alone, beside);
    const samples = { before, new: fresh, known };
    await writeResult('ingest', stack, { words: WORDS, chunks, samples, runs: { alone, beside } });
  } finally {
    await stack.stop();
  }
}

async function upload(client: OpenAI): Promise<string[]> {
  const random = seeded(7);
  const ids: string[] = [];
  for (let at = 0; at < FILES; at += AT_ONCE) {
    const made = Array.from({ length: AT_ONCE }, async (_, n) => {
      const file = await toFile(Buffer.from(zipfWords(random, WORDS).join(' ')), `${at + n}.md`);
      return (await client.files.create({ file, purpose: 'assistants' })).id;
    });
    ids.push(...(await Promise.all(made)));
  }
  return ids;
}

/** Until every file of a new store is completed; one sample a second. */
async function ingest(stack: Stack, client: OpenAI, ids: string[]): Promise<Sample[]> {
  const store = await client.vectorStores.create({});
  const started = performance.now();
  const batch = await client.vectorStores.fileBatches.create(store.id, { file_ids: ids });
  const samples: Sample[] = [];
  for (;;) {
    const { status, file_counts } = await client.vectorStores.fileBatches.retrieve(batch.id, {
      vector_store_id: store.id,
    });
    if (file_counts.failed > 0) throw new Error(`${file_counts.failed} files failed.`);
    const seconds = (performance.now() - started) / 1_000;
    samples.push(await sample(stack, seconds, file_counts.completed));
    if (samples.length % 20 === 0) progress(`${file_counts.completed} files are completed`);
    if (status === 'completed') return samples;
    await sleep(POLL_MS);
  }
}

async function sample({ pids }: Stack, seconds: number, completed: number): Promise<Sample> {
  const [serveMb, temporalMb] = await Promise.all(
    [pids.serve, pids.temporal].map((pid) => residentMb(pid)),
  );
  return { seconds, completed, serveMb: serveMb!, temporalMb: temporalMb! };
}

/** People with a question each second, whether or not the last one has been answered: ms to the first text and the end. */
async function openVisitors({ api }: Stack) {
  const { plain } = await createAssistants(api);
  return {
    async come(isOpen: (count: number) => boolean): Promise<{ text: number[]; end: number[] }> {
      const runs: ReturnType<typeof runOurs>[] = [];
      const started = performance.now();
      while (isOpen(runs.length)) {
        const [thread] = await createThreads(api, 1);
        runs.push(runOurs(api, thread!, plain, 'fake:n=1'));
        await sleep(Math.max(0, started + runs.length * RUN_EVERY_MS - performance.now()));
      }
      const ended = await Promise.all(runs);
      return {
        text: ended.map(({ firstTextMs }) => firstTextMs),
        end: ended.map(({ endMs }) => endMs),
      };
    },
  };
}

function reportRates(ingests: Record<string, Sample[]>, chunks: number): void {
  const rows = Object.entries(ingests).map(([name, samples]) => {
    const seconds = samples.at(-1)!.seconds;
    const reached = [0.25, 0.5, 0.75, 1].map(
      (share) => samples.find(({ completed }) => completed >= FILES * share)!.seconds,
    );
    const quarters = reached.map((at, n) => fixed(FILES / 4 / (at - (reached[n - 1] ?? 0))));
    return [name, fixed(FILES / seconds), fixed(chunks / seconds), ...quarters];
  });
  const header = ['', 'files/s', 'chunks/s', '1st quarter', '2nd', '3rd', '4th'];
  printTable(`${FILES} files of ${WORDS} words, the new ones beside runs`, header, rows);
}

function reportMemory(before: Sample, samples: Sample[]): void {
  const figures = (pick: (sample: Sample) => number) => [
    fixed(pick(before), 0),
    fixed(Math.max(...samples.map(pick)), 0),
    fixed(pick(samples.at(-1)!), 0),
  ];
  printTable(
    'Memory meanwhile (MB)',
    ['', 'before', 'most', 'after'],
    [
      ['API + worker', ...figures(({ serveMb }) => serveMb)],
      ['Temporal', ...figures(({ temporalMb }) => temporalMb)],
    ],
  );
}

function reportRuns(...phases: { text: number[]; end: number[] }[]): void {
  const rows = phases.map(({ text, end }, index) => {
    const [first, last] = [spread(text), spread(end)];
    return [index === 0 ? 'alone' : 'beside', text.length, ...[first, last].flatMap(twoPlaces)];
  });
  const header = ['', 'runs', 'first text p50', 'p95', 'end p50', 'p95'];
  printTable('Runs, one a second (ms)', header, rows);
}

const twoPlaces = ({ p50, p95 }: { p50: number; p95: number }) => [fixed(p50), fixed(p95)];
