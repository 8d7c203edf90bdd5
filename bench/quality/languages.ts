/**
 * How well searches find in twelve languages: 144 questions, each with one of 288 short texts that answers it, all in one
 * store. Of each language the first six questions may be tuned on, and the last six are held out:
 *
 *     node bin/with-node.mjs bench/quality/languages.ts [http://127.0.0.1:8900/v1]
 *
 * With the address of an embeddings server (embeddings.py) also by meaning and by both.
 */
import { readFile } from 'node:fs/promises';

import { loadConfig } from '../../config/config.ts';
import { embeddingKey } from '../../db/vector-stores/document-vectors.ts';
import { searchStores } from '../../db/vector-stores/search.ts';
import { createEmbedder } from '../../retrieval/index.ts';
import { indexFile, newStore } from '../../test/support/indexed-file.ts';
import { startDatabase } from '../database.ts';
import { fixed, printTable, progress, writeResult } from '../report.ts';

type Language = {
  language: string;
  texts: string[];
  questions: [question: string, text: number][];
};
type Way = 'words' | 'meaning' | 'both';
/** `ranks`: the position of the right text in the results of each way, from 1; null when the results lack it. */
type Found = {
  language: string;
  question: string;
  isHeldOut: boolean;
  ranks: Partial<Record<Way, number | null>>;
};

const RESULTS = 20;
const PLACES = [1, 5];

const url = process.argv[2];
const embedder =
  url === undefined
    ? null
    : createEmbedder({ baseUrl: url, apiKey: 'none', model: 'all-MiniLM-L6-v2', dimensions: null });
const model = embedder && embeddingKey(embedder);
const ways: Way[] = embedder === null ? ['words'] : ['words', 'meaning', 'both'];
const file = new URL('languages.json', import.meta.url);
const languages = JSON.parse(await readFile(file, 'utf8')) as Language[];
await using database = await startDatabase();
const { pool, projectId } = database;
const store = await newStore(pool, projectId);
for (const one of languages) await index(one);
await pool.query('vacuum analyze chunks');
const found: Found[] = [];
for (const one of languages) found.push(...(await ask(one)));
report();
await writeResult('languages', undefined, {
  texts: languages.flatMap(({ texts }) => texts).length,
  found,
});

async function index({ language, texts }: Language): Promise<void> {
  const vectors = embedder === null ? null : await embedder.embed(texts);
  for (const [at, text] of texts.entries()) {
    const end = Array.from(text).length;
    const chunk = { text, headings: [], tableHeader: null, page: null, start: 0, end, tokens: end };
    await indexFile(pool, projectId, store, {
      filename: `${language}-${at}.txt`,
      attributes: {},
      words: 'english',
      chunks: [{ ...chunk, ordinal: 0 }],
      vectors: vectors && [vectors[at]!],
      model: model ?? '',
    });
  }
  progress(`${language} is stored`);
}

async function ask({ language, questions }: Language): Promise<Found[]> {
  const vectors = embedder === null ? null : await embedder.embed(questions.map(([text]) => text));
  const answers: Found[] = [];
  for (const [at, [question, text]] of questions.entries()) {
    const ranks: Found['ranks'] = {};
    for (const way of ways) {
      const { hits } = await searchStores(pool, {
        projectId,
        vectorStoreIds: [store],
        queries: [{ text: question, vector: way === 'words' ? null : vectors![at]! }],
        model,
        filters: null,
        limit: RESULTS,
        scoreThreshold: 0,
        candidates: loadConfig({}).searchCandidates,
        ranker: way === 'meaning' ? 'none' : 'auto',
      });
      const index = hits.findIndex(({ filename }) => filename === `${language}-${text}.txt`);
      ranks[way] = index < 0 ? null : index + 1;
    }
    answers.push({ language, question, isHeldOut: at >= questions.length / 2, ranks });
  }
  return answers;
}

function report(): void {
  const rows = languages.map(({ language }) => row(language, (one) => one.language === language));
  rows.push(row('all, tuned on', ({ isHeldOut }) => !isHeldOut));
  rows.push(row('all, held out', ({ isHeldOut }) => isHeldOut));
  const header = ways.flatMap((way) => PLACES.map((place) => `${way}@${place}`));
  printTable(`Recall over ${found.length} questions`, ['', ...header], rows);
  for (const { question, ranks } of found) {
    if (ways.some((way) => (ranks[way] ?? Infinity) > 5)) {
      console.log(`  ${ways.map((way) => `${way} ${ranks[way]}`).join(', ')}: ${question}`);
    }
  }
}

function row(name: string, isMeant: (one: Found) => boolean): string[] {
  const meant = found.filter(isMeant);
  const share = (way: Way, most: number) =>
    meant.filter(({ ranks }) => (ranks[way] ?? Infinity) <= most).length / meant.length;
  return [name, ...ways.flatMap((way) => PLACES.map((place) => fixed(share(way, place), 3)))];
}
