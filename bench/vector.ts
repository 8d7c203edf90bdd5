/**
 * Searches of stores with 1,000, 10,000 and 100,000 chunks in one database: by meaning, by words, by both, and how many of
 * the 20 nearest vectors are found. Of words also queries that have only common ones.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { ProjectId, VectorStoreId } from '../wire/ids.ts';
import { loadConfig } from '../config/config.ts';
import { cosine } from '../retrieval/index.ts';
import type { Pool } from '../db/core/pool.ts';
import type { SearchRequest } from '../db/vector-stores/search.ts';
import { searchStores } from '../db/vector-stores/search.ts';
import { indexFile, newStore } from '../test/support/indexed-file.ts';
import { startDatabase } from './database.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import type { Spread } from './statistics.ts';
import { median, medianWithInterval, spread } from './statistics.ts';
import { commonWords, DIMENSIONS, seeded, VectorSource, zipfWords } from './vectors.ts';

const SIZES = (process.env['BENCH_SIZES'] ?? '1000,10000,100000').split(',').map(Number);
const FILE_CHUNKS = 100;
/** Words of a chunk, about as many as 800 tokens of prose have less their repetitions. */
const CHUNK_WORDS = 200;
const QUERIES = 60;
const QUERY_WORDS = 6;
/** The three commonest, each in most chunks. */
const COMMON = commonWords(3).join(' ');
const NEAREST = 20;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const MODEL = 'synthetic/256';
const GOALS = { p95: 50, common: 100, recall: 0.98, growth: 4 };

type Store = {
  id: VectorStoreId;
  chunks: number;
  texts: string[][];
  /** Before they are turned and scaled. */
  raw: Float32Array[];
  vectors: Float32Array[];
};
type Query = { text: string; vector: Float32Array; nearest: Set<number> };
/** Without texts and vectors: collecting a heap full of them would be part of the times. */
type Filled = { id: VectorStoreId; chunks: number; queries: Query[]; indexedPerSecond: number };
/** Of one round. */
type Round = { recall: number } & Record<Kind, Spread>;
type Figures = { chunks: number; indexedPerSecond: number; rounds: Round[] };

export async function vectorBench(): Promise<void> {
  await using database = await startDatabase();
  const { pool, projectId } = database;
  const random = seeded(5);
  const source = new VectorSource(random);
  const filled: Filled[] = [];
  for (const chunks of SIZES) {
    const started = performance.now();
    const store = await fill(pool, projectId, { source, random, chunks });
    const indexedPerSecond = (chunks * 1_000) / (performance.now() - started);
    const queries = makeQueries(store, source, random);
    filled.push({ id: store.id, chunks, queries, indexedPerSecond });
    progress(`${chunks} chunks are stored`);
  }
  await pool.query('vacuum analyze');
  await pool.query('checkpoint');
  collectGarbage();
  // The first time everything is read into memory.
  for (const one of filled) await measure(pool, projectId, one);
  const figures: Figures[] = filled.map(({ chunks, indexedPerSecond }) => ({
    chunks,
    indexedPerSecond,
    rounds: [],
  }));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [at, one] of filled.entries()) {
      figures[at]!.rounds.push(await measure(pool, projectId, one));
    }
    progress(`round ${round} of ${ROUNDS}`);
  }
  report(figures);
  await writeResult('vector', undefined, {
    settings: { DIMENSIONS, CHUNK_WORDS, FILE_CHUNKS, QUERIES, QUERY_WORDS, NEAREST },
    figures,
  });
}

/** The gigabyte of texts and vectors that nobody needs any more is not collected during a search. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function fill(
  pool: Pool,
  projectId: ProjectId,
  { source, random, chunks }: { source: VectorSource; random: () => number; chunks: number },
): Promise<Store> {
  const id = await newStore(pool, projectId);
  const store: Store = { id, chunks, texts: [], raw: [], vectors: [] };
  for (let first = 0; first < chunks; first += FILE_CHUNKS) {
    for (let n = 0; n < FILE_CHUNKS; n++) {
      const raw = source.text();
      store.texts.push(zipfWords(random, CHUNK_WORDS));
      store.raw.push(raw);
      store.vectors.push(source.finish(raw));
    }
    const words = store.texts.slice(first).map((text) => text.join(' '));
    await indexFile(pool, projectId, id, {
      filename: `${first}`,
      attributes: { half: first < chunks / 2 },
      words: 'english',
      chunks: words.map((text, ordinal) => ({
        ordinal,
        text,
        headings: [],
        tableHeader: null,
        page: null,
        start: ordinal * 2_000,
        end: (ordinal + 1) * 2_000,
        tokens: CHUNK_WORDS,
      })),
      vectors: store.vectors.slice(first),
      model: MODEL,
    });
  }
  return store;
}

/** What somebody asks who knows roughly what a text says, and some of its words. */
function makeQueries(store: Store, source: VectorSource, random: () => number): Query[] {
  return Array.from({ length: QUERIES }, () => {
    const about = Math.floor(random() * store.chunks);
    const words = store.texts[about]!;
    const chosen = Array.from(
      { length: QUERY_WORDS },
      () => words[Math.floor(random() * words.length)]!,
    );
    const vector = source.finish(source.query(store.raw[about]!));
    return { text: chosen.join(' '), vector, nearest: exact(store, vector) };
  });
}

function exact(store: Store, vector: Float32Array): Set<number> {
  const all = store.vectors.map((other, at) => ({ at, score: cosine(vector, other) }));
  all.sort((a, b) => b.score - a.score);
  return new Set(all.slice(0, NEAREST).map(({ at }) => at));
}

async function measure(pool: Pool, projectId: ProjectId, { id, queries }: Filled): Promise<Round> {
  const times: Record<Kind, number[]> = { meaning: [], words: [], common: [], both: [] };
  let found = 0;
  const fixedParts = {
    projectId,
    vectorStoreIds: [id],
    filters: null,
    scoreThreshold: 0,
    candidates: loadConfig({}).searchCandidates,
  };
  const search = async (query: Query, change: Pick<SearchRequest, 'ranker' | 'model'>) => {
    const started = performance.now();
    const request = { ...fixedParts, limit: NEAREST, queries: [query], ...change };
    const { hits } = await searchStores(pool, request);
    return { hits, ms: performance.now() - started };
  };
  for (const query of queries) {
    const meaning = await search(query, { ranker: 'none', model: MODEL });
    const words = await search(query, { ranker: 'auto', model: null });
    const common = await search({ ...query, text: COMMON }, { ranker: 'auto', model: null });
    const both = await search(query, { ranker: 'auto', model: MODEL });
    times.common.push(common.ms);
    times.meaning.push(meaning.ms);
    times.words.push(words.ms);
    times.both.push(both.ms);
    const places = meaning.hits.map((hit) => Number(hit.filename) + hit.chunk.ordinal);
    found += places.filter((place) => query.nearest.has(place)).length;
  }
  return {
    recall: found / (queries.length * NEAREST),
    meaning: spread(times.meaning),
    words: spread(times.words),
    common: spread(times.common),
    both: spread(times.both),
  };
}

type Kind = 'meaning' | 'words' | 'common' | 'both';

function report(figures: Figures[]): void {
  const middle = ({ rounds }: Figures, kind: Kind) => {
    const of = (quantile: 'p50' | 'p95') => fixed(median(rounds.map((one) => one[kind][quantile])));
    return `${of('p50')} / ${of('p95')}`;
  };
  const rows = figures.map((one) => [
    one.chunks,
    middle(one, 'meaning'),
    middle(one, 'words'),
    middle(one, 'common'),
    middle(one, 'both'),
    fixed(one.rounds[0]!.recall, 4),
    fixed(one.indexedPerSecond, 0),
  ]);
  const header = [
    'chunks',
    'meaning',
    'words',
    'common words',
    'both',
    `recall@${NEAREST}`,
    'chunks stored/s',
  ];
  const title = `Searches, ms: medians of p50 and p95 over ${ROUNDS} rounds of ${QUERIES} queries`;
  printTable(title, header, rows);
  const [small, large] = [figures[0]!, figures.at(-1)!];
  const p95 = (kind: Kind) => large.rounds.map((one) => one[kind].p95);
  const growth = (kind: Kind) =>
    large.rounds.map((one, at) => one[kind].p50 / small.rounds[at]![kind].p50);
  const recall = large.rounds[0]!.recall;
  printTable(
    'Goals',
    ['', 'goal', 'measured', 'met'],
    [
      goal('p95 by meaning at 100k, ms', GOALS.p95, p95('meaning')),
      goal('p95 by words at 100k, ms', GOALS.p95, p95('words')),
      goal('p95 by both at 100k, ms', GOALS.p95, p95('both')),
      goal('p95 of common words at 100k, ms', GOALS.common, p95('common')),
      goal('p50 by meaning at 100k over 1k', GOALS.growth, growth('meaning')),
      goal('p50 by words at 100k over 1k', GOALS.growth, growth('words')),
      goal('p50 by both at 100k over 1k', GOALS.growth, growth('both')),
      [
        'recall@20 at 100k',
        `≥ ${GOALS.recall}`,
        fixed(recall, 4),
        recall >= GOALS.recall ? 'yes' : 'no',
      ],
    ],
  );
}

function goal(name: string, most: number, values: number[]): string[] {
  const { median: middle, low, high } = medianWithInterval(values);
  const met = high <= most ? 'yes' : low > most ? 'no' : 'unclear';
  return [name, `≤ ${most}`, `${fixed(middle)} [${fixed(low)}, ${fixed(high)}]`, met];
}
