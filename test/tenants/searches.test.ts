/** Searches of one project beside what others store and ask for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Pool } from '../../db/core/pool.ts';
import type { SearchRequest } from '../../db/vector-stores/search.ts';
import { searchStores } from '../../db/vector-stores/search.ts';
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { Filter } from '../../wire/requests/search.ts';
import type { Database } from '../db/database.ts';
import { createProject, startDatabase } from '../db/database.ts';
import { indexTexts, MODEL, vectorOf } from '../db/indexed.ts';
import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { newStore } from '../support/indexed-file.ts';
import { lock, untilBlocked } from '../support/locks.ts';
import { search, searching } from '../support/searching.ts';

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
    await database.admin.query('vacuum analyze');
    other = (await createProject(database.url, 'sk-other')).project;
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
    const { admin: pool } = database;
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
    const { admin: pool } = database;
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

describe('what a search costs', () => {
  const FILES = 40;
  let store: VectorStoreId;
  beforeAll(async () => {
    const { pool, projectId } = database;
    store = await newStore(pool, projectId);
    for (let n = 0; n < FILES; n++) {
      await indexTexts(pool, projectId, store, {
        chunks: [`harbour ${n}`],
        attributes: { number: `value${n}`, other: n },
      });
    }
  });

  const anyOf = (filters: number, values: number): Filter => ({
    type: 'or',
    filters: Array.from({ length: filters }, (_, key) => ({
      type: 'in' as const,
      key: key === 0 ? 'number' : `k${key}`,
      value: Array.from({ length: values }, (_value, n) => `value${n}`),
    })),
  });

  function searchFor(queries: number, filters: Filter | null, pool: Pool = database.pool) {
    const request: SearchRequest = {
      projectId: database.projectId,
      vectorStoreIds: [store],
      queries: Array.from({ length: queries }, (_, n) => ({ text: `harbour ${n}`, vector: null })),
      model: null,
      filters,
      limit: 50,
      scoreThreshold: 0,
      ranker: 'auto',
      candidates: 100,
    };
    return searchStores(pool, request);
  }

  test('is known before it runs, and too much is refused with a sentence', async () => {
    await expect(searchFor(16, anyOf(90, 1_000))).rejects.toMatchObject({
      status: 400,
      code: 'search_too_expensive',
      message:
        'This search costs 3600640, and at most 3000000 is allowed: 90001 comparisons of the filter for each of 40 files, ' +
        'and 40 chunks for each of 16 queries after the first. Send fewer queries, or a filter with fewer values.',
    });
    expect((await searchFor(16, anyOf(70, 1_000))).hits).toHaveLength(FILES);
  });

  test('does not grow with the queries for its filter, which is evaluated once', async () => {
    const statements: { name: string; text: string }[] = [];
    const counting = {
      query: (statement: { name: string; text: string }) => {
        statements.push(statement);
        return database.pool.query(statement);
      },
    } as unknown as Pool;
    const { hits } = await searchFor(16, anyOf(3, 20), counting);
    expect(hits).toHaveLength(20);
    expect(statements.filter(({ text: sql }) => sql.includes('jsonpath'))).toHaveLength(1);
    expect(statements.filter(({ name }) => name.startsWith('search.by-'))).toHaveLength(16);
  });

  test('is not that of reading results one by one which are not there any more', async () => {
    const names: string[] = [];
    const counting = {
      query: (statement: { name: string }) => {
        names.push(statement.name);
        return database.pool.query(statement as never);
      },
    } as unknown as Pool;
    await database.pool.query(`update files set expires_at = 1 where id in (
      select file_id from vector_store_files where vector_store_id = '${store}')`);
    const { hits } = await searchFor(1, null, counting);
    expect(hits).toEqual([]);
    expect(names.filter((name) => name === 'search.read')).toHaveLength(1);
  });
});

describe('a search that nobody waits for', () => {
  let env: Environment;
  beforeAll(async () => {
    env = await Environment.start();
  });
  afterAll(async () => {
    await env[Symbol.asyncDispose]();
  });

  /** In the text of every search by words. */
  const SEARCH = 'texts as materialized';

  /** Searches that begin after `moment`, or are still under way. */
  async function searchesSince(moment: Date): Promise<number> {
    const { rowCount } = await env.pool.query(
      `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
         and position($1 in query) > 0 and (state = 'active' or query_start > $2)`,
      [SEARCH, moment],
    );
    return rowCount ?? 0;
  }
  const now = async () =>
    (await env.pool.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]!.now;

  test('is cancelled in the database when its client leaves, with all of its queries', async () => {
    const { files } = await searching(env, []);
    const locked = await lock(env, 'lock table chunks in access exclusive mode');
    const client = new AbortController();
    const queries = Array.from({ length: 16 }, (_, n) => `blue fish ${n}`);
    const left = env.client.vectorStores.search(
      files.id,
      { query: queries },
      { signal: client.signal },
    );
    await untilBlocked(env, SEARCH, 1);
    client.abort();
    await expect(left).rejects.toThrow();
    await untilBlocked(env, SEARCH, 0);
    const moment = await now();
    await locked.end();
    await env.client.beta.assistants.list();
    expect(await searchesSince(moment)).toBe(0);
  });

  test('and that of a run when the run is cancelled', async () => {
    const { threadId, assistant } = await searching(env, [search('fish', 'tower'), text('Moss.')]);
    const locked = await lock(env, 'lock table chunks in access exclusive mode');
    const run = await env.client.beta.threads.runs.create(threadId, { assistant_id: assistant.id });
    await untilBlocked(env, SEARCH, 1);
    await env.client.beta.threads.runs.cancel(run.id, { thread_id: threadId });
    await untilBlocked(env, SEARCH, 0);
    const moment = await now();
    await expect
      .poll(
        async () =>
          (await env.client.beta.threads.runs.retrieve(run.id, { thread_id: threadId })).status,
      )
      .toBe('cancelled');
    await locked.end();
    expect(await searchesSince(moment)).toBe(0);
  });
});
