/**
 * What row-level security costs: the same work on one database as a superuser, whom no policy holds for and who sets no scope,
 * and as the role of the API. Rounds take turns, and figures are ratios of their medians.
 */
import { writeBlob } from '../db/blobs/write-blob.ts';
import { migrate } from '../db/core/migrate.ts';
import type { Pool } from '../db/core/pool.ts';
import { createPool, withTransaction } from '../db/core/pool.ts';
import { listMessages } from '../db/threads/messages.ts';
import { createThread, getThread } from '../db/threads/threads.ts';
import type { NewMessage } from '../db/threads/messages.ts';
import { searchStores } from '../db/vector-stores/search.ts';
import { indexFile, newStore } from '../test/support/indexed-file.ts';
import type { ProjectId, ThreadId, VectorStoreId } from '../wire/ids.ts';
import { startDatabase } from './database.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { median } from './statistics.ts';
import { commonWords, seeded, VectorSource, zipfWords } from './vectors.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
const CHUNKS = Number(process.env['BENCH_CHUNKS'] ?? 20_000);
const FILE_CHUNKS = 100;
const MODEL = 'synthetic/256';
/** Statements under way at once. */
const AT_ONCE = 4;

type Place = { project: ProjectId; thread: ThreadId; store: VectorStoreId; vector: Float32Array };
type Work = { times: number; run: (pool: Pool, place: Place) => Promise<unknown> };

const text = { type: 'text' as const, text: { value: 'word '.repeat(50), annotations: [] } };
const message: NewMessage = {
  role: 'user',
  content: [text],
  attachments: [],
  metadata: {},
  tokens: 50,
};
const page = { limit: 100, order: 'desc' as const };

function search(
  pool: Pool,
  { project, store }: Place,
  query: { text: string; vector: Float32Array | null },
) {
  const request = {
    filters: null,
    limit: 10,
    scoreThreshold: 0,
    ranker: 'auto' as const,
    candidates: 200,
  };
  return searchStores(pool, {
    ...request,
    projectId: project,
    vectorStoreIds: [store],
    queries: [query],
    model: MODEL,
  });
}

const WORKS: Record<string, Work> = {
  'a thread is read': {
    times: 400,
    run: (pool, { project, thread }) => getThread(pool, project, thread),
  },
  '100 messages are listed': {
    times: 100,
    run: (pool, { project, thread }) => listMessages(pool, project, thread, page),
  },
  'a thread with 5 messages is created': {
    times: 100,
    run: (pool, { project }) =>
      withTransaction(pool, (tx) =>
        createThread(tx, project, {
          messages: Array(5).fill(message),
          metadata: {},
          tool_resources: {},
        }),
      ),
  },
  'a blob of 1 KB is written': {
    times: 200,
    run: (pool, { project }) => writeBlob(pool, project, oneKilobyte(), { maxBytes: 2_000 }),
  },
  'a search by words': {
    times: 20,
    run: (pool, place) => search(pool, place, { text: commonWords(9).join(' '), vector: null }),
  },
  'a search by meaning': {
    times: 20,
    run: (pool, place) => search(pool, place, { text: 'x', vector: place.vector }),
  },
};

async function* oneKilobyte() {
  yield Buffer.alloc(1_024);
}

export async function rowSecurity(): Promise<void> {
  await using database = await startDatabase();
  const { pool: superuser, projectId: project, url } = database;
  const appUrl = Object.assign(new URL(url), { username: 'bench_app', password: 'bench' }).href;
  await migrate(superuser, appUrl);
  const app = createPool(appUrl, { max: 10, applicationName: 'threadmill-bench', scope: project });
  const place = await fill(superuser, project);
  const times = new Map<string, { app: number[]; superuser: number[] }>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, work] of Object.entries(WORKS)) {
      const each = times.get(name) ?? { app: [], superuser: [] };
      const order =
        round % 2 === 0 ? (['app', 'superuser'] as const) : (['superuser', 'app'] as const);
      for (const role of order) {
        const ms = await measure(role === 'app' ? app : superuser, work, place);
        // The first round reads everything into memory.
        if (round > 0) each[role].push(ms);
      }
      times.set(name, each);
    }
    progress(`round ${round} of ${ROUNDS}`);
  }
  await app.end();
  const figures = [...times].map(([name, each]) => ({
    name,
    superuserMs: median(each.superuser),
    ratio: median(each.app.map((ms, at) => ms / each.superuser[at]!)),
  }));
  const rows = figures.map(({ name, superuserMs, ratio }) => [
    name,
    fixed(superuserMs, 2),
    fixed(ratio, 2),
  ]);
  printTable('Row-level security', ['', 'without, ms', 'with / without'], rows);
  await writeResult('row-security', undefined, { settings: { ROUNDS, CHUNKS, AT_ONCE }, figures });
}

async function measure(pool: Pool, { times, run }: Work, place: Place): Promise<number> {
  const started = performance.now();
  let left = times;
  const worker = async () => {
    while (left-- > 0) await run(pool, place);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (performance.now() - started) / times;
}

async function fill(pool: Pool, project: ProjectId): Promise<Place> {
  const random = seeded(7);
  const source = new VectorSource(random);
  const store = await newStore(pool, project);
  for (let first = 0; first < CHUNKS; first += FILE_CHUNKS) {
    const texts = Array.from({ length: FILE_CHUNKS }, () => zipfWords(random, 60).join(' '));
    const chunks = texts.map((text, ordinal) => ({
      ordinal,
      text,
      headings: [],
      tableHeader: null,
      page: null,
      start: ordinal * 600,
      end: ordinal * 600 + 600,
      tokens: 60,
    }));
    const vectors = texts.map(() => source.finish(source.text()));
    await indexFile(pool, project, store, {
      filename: `${first}`,
      attributes: {},
      words: 'english',
      chunks,
      vectors,
      model: MODEL,
    });
  }
  const messages = Array(100).fill(message) as NewMessage[];
  const { thread } = await withTransaction(pool, (tx) =>
    createThread(tx, project, { messages, metadata: {}, tool_resources: {} }),
  );
  await pool.query('analyze');
  progress(`${CHUNKS} chunks are stored`);
  return { project, thread: thread.id, store, vector: source.finish(source.text()) };
}
