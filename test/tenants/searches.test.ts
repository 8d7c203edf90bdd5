/** Searches of one project beside what others store and ask for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { withTransaction } from '../../db/core/pool.ts';
import { ensureApiKey, callerOfKey } from '../../db/projects/api-keys.ts';
import { searchStores } from '../../db/vector-stores/search.ts';
import { createVectorStore } from '../../db/vector-stores/vector-stores.ts';
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { Database } from '../db/database.ts';
import { startDatabase } from '../db/database.ts';
import { indexTexts, MODEL, vectorOf } from '../db/indexed.ts';
import { newStore } from '../support/indexed-file.ts';

/** Chunks of B's large store. Words of 3 %, 8 %, 40 % and all of them. */
const CHUNKS = 2_400;
const FILE_CHUNKS = 200;
const textOf = (n: number): string =>
  [
    `harbour number${n} report`,
    n % 33 === 0 ? 'semaphore' : '',
    n % 12 === 0 ? 'lighthouse' : '',
    n % 5 < 2 ? 'vessel' : '',
  ].join(' ');

const QUERIES = [
  'number7',
  'semaphore',
  'lighthouse',
  'vessel',
  'harbour report',
  'semaphore lighthouse',
  'harbour semaphore number77',
  'vessel harbour number12 zebra',
  'zebra',
];

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

describe('what another project stores', () => {
  let small: VectorStoreId;
  let large: VectorStoreId;
  let other: ProjectId;
  beforeAll(async () => {
    const { pool, projectId } = database;
    [small, large] = [await newStore(pool, projectId), await newStore(pool, projectId)];
    await indexTexts(pool, projectId, small, {
      chunks: Array.from({ length: 60 }, (_, n) => textOf(n)),
    });
    for (let first = 0; first < CHUNKS; first += FILE_CHUNKS) {
      const chunks = Array.from({ length: FILE_CHUNKS }, (_, n) => textOf(first + n));
      await indexTexts(pool, projectId, large, { chunks, filename: `${first}.txt` });
    }
    await pool.query('vacuum analyze');
    await ensureApiKey(pool, { projectName: 'other', key: 'sk-other' });
    other = (await callerOfKey(pool, 'sk-other'))!.project;
  }, 120_000);

  /** Every query in each store, by words and by both, to the last digit. */
  async function searchAll(): Promise<string[]> {
    const answers: string[] = [];
    for (const store of [small, large]) {
      for (const text of QUERIES) {
        for (const vector of [null, vectorOf(text)]) {
          const answer = await searchStores(database.pool, {
            projectId: database.projectId,
            vectorStoreIds: [store],
            queries: [{ text, vector }],
            model: MODEL,
            filters: null,
            limit: 50,
            scoreThreshold: 0,
            ranker: 'auto',
            candidates: 100,
          });
          answers.push(JSON.stringify(answer));
        }
      }
    }
    return answers;
  }

  /** Copies of B's chunks, and of their words by a thousand other names, which is more than statistics hold. */
  async function flood(copies: number): Promise<void> {
    const { pool } = database;
    const fields = { name: 'A', description: null, metadata: {}, expires_after_days: null };
    await withTransaction(pool, (tx) => createVectorStore(tx, other, fields));
    const { rows } = await pool.query<{ id: number }>(
      `insert into documents (project_id, sha256, format, max_chunk_tokens, chunk_overlap_tokens, words, chunk_count, word_rules)
       values ($1, sha256($2::integer::text::bytea), 'text', 800, 400, 'english', $2, 2) returning id`,
      [other, copies],
    );
    await pool.query(
      `insert into chunks (document_id, ordinal, text, start_offset, end_offset, tokens, tsv, word_rules)
       select $1, n, c.text, 0, 1, c.tokens, c.tsv || (select string_agg(format('''a%s'':1', (n + m) % 1300), ' ')::tsvector
         from generate_series(1, 130) m), 2
       from generate_series(0, $2 - 1) n join lateral (select * from chunks where ordinal = n % ${FILE_CHUNKS} limit 1) c on true`,
      [rows[0]!.id, copies],
    );
  }

  test('changes no result, score or place of a search, whatever the statistics of the table say', async () => {
    const { pool } = database;
    const before = await searchAll();
    expect(before.filter((answer) => answer.includes('"hits":[]'))).toHaveLength(2);
    // More rows, but no statistics of their words yet.
    await flood(9_000);
    await pool.query('vacuum chunks');
    expect(await searchAll()).toEqual(before);
    await pool.query('analyze');
    expect(await searchAll()).toEqual(before);
    // Gaps of the table are filled with what comes next.
    await pool.query('delete from documents where project_id = $1', [other]);
    await pool.query('vacuum chunks');
    await flood(500);
    await pool.query('analyze');
    expect(await searchAll()).toEqual(before);
  }, 120_000);
});
