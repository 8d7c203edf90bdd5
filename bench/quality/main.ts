/**
 * How well searches find: the share of questions whose document is among the first results, by words, by meaning, and by
 * both. The documents are Python's own documentation, the vectors those of a small model served by embeddings.py:
 *
 *     node bin/with-node.mjs bench/quality/main.ts http://127.0.0.1:8900/v1
 */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import { embeddingKey } from '../../db/vector-stores/document-vectors.ts';
import type { Pool } from '../../db/core/pool.ts';
import { searchStores } from '../../db/vector-stores/search.ts';
import type { Chunk, Embedder } from '../../retrieval/index.ts';
import { createEmbedder, extractChunks } from '../../retrieval/index.ts';
import { indexFile, newStore } from '../../test/support/indexed-file.ts';
import { loadConfig } from '../../config/config.ts';
import { startDatabase } from '../database.ts';
import { fixed, printTable, progress, writeResult } from '../report.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** The model reads 256 of its own tokens. */
const CHUNKS = { maxTokens: 220, overlapTokens: 55 };
const RESULTS = 20;

type Question = { question: string; documents: string[] };
type Store = { pool: Pool; projectId: ProjectId; id: VectorStoreId };
/** The place of the right document's first chunk among the results, from 1; Infinity when it is not there. */
type Ranks = number[];

const WAYS = ['words', 'meaning', 'both'] as const;
type Way = (typeof WAYS)[number];

const url = process.argv[2];
if (url === undefined) throw new Error('Give the base URL of the embeddings server.');
const embedder = createEmbedder({
  baseUrl: url,
  apiKey: 'none',
  model: 'all-MiniLM-L6-v2',
  dimensions: null,
});
const questions = JSON.parse(await readFile(join(HERE, 'questions.json'), 'utf8')) as Question[];
await using database = await startDatabase();
const { pool, projectId } = database;
const store = { pool, projectId, id: await newStore(pool, projectId) };
const corpus = await ingestCorpus(store, embedder);
await pool.query('analyze');
const vectors = await embedder.embed(questions.map(({ question }) => question));
const ranks: Partial<Record<Way, Ranks>> = {};
for (const way of WAYS) ranks[way] = await rankAll(store, way);
await report(ranks as Record<Way, Ranks>);

async function ingestCorpus(into: Store, model: Embedder) {
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-corpus-'));
  try {
    await promisify(execFile)('python3', [join(HERE, 'corpus.py'), folder]);
    const names = (await readdir(folder)).sort();
    let chunks = 0;
    for (const name of names) {
      chunks += await ingest(into, model, join(folder, name), name);
      if (chunks % 50 < 2) progress(`${chunks} chunks`);
    }
    return { documents: names.length, chunks };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function ingest(into: Store, model: Embedder, path: string, name: string): Promise<number> {
  const chunks: Chunk[] = [];
  const file = {
    filename: name,
    bytes: (await stat(path)).size,
    read: () => createReadStream(path),
  };
  for await (const chunk of extractChunks(file, CHUNKS)) chunks.push(chunk);
  await indexFile(into.pool, into.projectId, into.id, {
    filename: name,
    attributes: {},
    words: 'english',
    chunks: chunks.map((chunk, ordinal) => ({ ...chunk, ordinal })),
    vectors: await model.embed(chunks.map(({ text }) => text)),
    model: embeddingKey(model),
  });
  return chunks.length;
}

async function rankAll(from: Store, way: Way): Promise<Ranks> {
  const found: Ranks = [];
  for (const [at, { question, documents }] of questions.entries()) {
    const { hits } = await searchStores(from.pool, {
      projectId: from.projectId,
      vectorStoreIds: [from.id],
      queries: [{ text: question, vector: way === 'words' ? null : vectors[at]! }],
      model: embeddingKey(embedder),
      filters: null,
      limit: RESULTS,
      scoreThreshold: 0,
      candidates: loadConfig({}).searchCandidates,
      ranker: way === 'meaning' ? 'none' : 'auto',
    });
    const names = hits.map(({ filename }) => filename.replace(/\.\w+$/, ''));
    const place = names.findIndex((name) => documents.includes(name));
    found.push(place === -1 ? Infinity : place + 1);
  }
  return found;
}

function report(all: Record<Way, Ranks>): Promise<void> {
  const within = (list: Ranks, place: number) =>
    list.filter((rank) => rank <= place).length / list.length;
  const figures = Object.fromEntries(
    WAYS.map((way) => {
      const list = all[way];
      const reciprocal = list.reduce((sum, rank) => sum + 1 / rank, 0) / list.length;
      const recall = [1, 5, RESULTS].map((place) => within(list, place));
      return [way, { recall, reciprocal }] as const;
    }),
  );
  const rows = WAYS.map((way) => {
    const { recall, reciprocal } = figures[way]!;
    return [way, ...recall.map((share) => fixed(share, 3)), fixed(reciprocal, 3)];
  });
  const title = `${corpus.documents} documents, ${corpus.chunks} chunks, ${questions.length} questions`;
  printTable(title, ['', 'recall@1', 'recall@5', `recall@${RESULTS}`, 'MRR'], rows);
  for (const [at, { question }] of questions.entries()) {
    if (all.both[at]! > 5) {
      console.log(`  ${WAYS.map((way) => `${way} ${all[way][at]}`).join(', ')}: ${question}`);
    }
  }
  return writeResult('quality', undefined, {
    corpus,
    chunking: CHUNKS,
    figures,
    questions: questions.map((one, at) => ({
      ...one,
      ranks: Object.fromEntries(WAYS.map((way) => [way, finite(all[way][at]!)])),
    })),
  });
}

function finite(rank: number): number | null {
  return Number.isFinite(rank) ? rank : null;
}
