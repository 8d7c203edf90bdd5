import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import type { FakeEmbeddings } from '../support/fake-embeddings.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import { settled, upload } from '../support/stores.ts';

let embeddings: FakeEmbeddings;
let env: Environment;
let lexical: Environment;
beforeAll(async () => {
  embeddings = await startFakeEmbeddings();
  env = await Environment.start({ config: { embeddingsBaseUrl: embeddings.baseUrl } });
  lexical = await Environment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await lexical[Symbol.asyncDispose]();
  await embeddings[Symbol.asyncDispose]();
});

const TEXTS = {
  'tides.md': 'High water at the old pier comes forty minutes later every day.',
  'bread.md': 'The bakery in Mill Street opens at five and sells rye bread.',
  'trains.py': 'def next_train(station):\n    return timetable.lookup(station.code)\n',
};

type Attributes = Record<string, string | number | boolean>;

/** A store with those files, each with its name as an attribute. */
async function storeOf(own: Environment, texts: Record<string, string> = TEXTS): Promise<string> {
  const store = await own.client.vectorStores.create({ name: 'Town' });
  for (const [name, text] of Object.entries(texts)) {
    const file = await upload(own.client, text, name);
    await own.client.vectorStores.files.create(store.id, {
      file_id: file,
      attributes: { name, length: text.length } satisfies Attributes,
    });
    expect(await settled(own.client, store.id, file)).toMatchObject({ status: 'completed' });
  }
  return store.id;
}

type Page = {
  data: {
    filename: string;
    score: number;
    content: { text: string }[];
    'x-threadmill': Record<string, unknown>;
  }[];
  'x-threadmill': { mode: string; reason?: string };
};

async function search(own: Environment, store: string, body: object): Promise<Page> {
  const answer = await own.fetch(`/v1/vector_stores/${store}/search`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Page;
}

async function refusal(store: string, body: object, own = env) {
  const answer = await own.fetch(`/v1/vector_stores/${store}/search`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  const { error } = (await answer.json()) as { error: Record<string, unknown> };
  return { status: answer.status, param: error.param, code: error.code, message: error.message };
}

test('answers the official client with one page of results, the best first', async () => {
  const store = await storeOf(env);
  const page = await env.client.vectorStores.search(store, {
    query: 'When is high water?',
    max_num_results: 2,
    rewrite_query: true,
    ranking_options: { ranker: 'auto', score_threshold: 0 },
  });
  const [first, second] = page.data;
  expect(first).toEqual({
    file_id: expect.stringMatching(/^file-/) as string,
    filename: 'tides.md',
    score: 1,
    attributes: { name: 'tides.md', length: TEXTS['tides.md'].length },
    content: [{ type: 'text', text: TEXTS['tides.md'] }],
    'x-threadmill': {
      chunk: 0,
      page: null,
      headings: [],
      start: 0,
      end: TEXTS['tides.md'].length,
      highlights: [
        [0, 4],
        [5, 10],
      ],
      scores: {
        vector: expect.any(Number) as number,
        lexical: 1,
        fused: 1,
      },
    },
  });
  expect(second!.score).toBeLessThan(1);
  expect(page.data).toHaveLength(2);
  const all = [];
  for await (const result of page) all.push(result.filename);
  expect(all).toHaveLength(2);
  expect(await search(env, store, { query: ['When is high water?'] })).toMatchObject({
    object: 'vector_store.search_results.page',
    search_query: ['When is high water?'],
    has_more: false,
    next_page: null,
    'x-threadmill': { mode: 'hybrid' },
  });
});

test('takes several queries, filters, and a threshold', async () => {
  const store = await storeOf(env);
  const both = await search(env, store, {
    query: ['high water at the pier', 'rye bread in Mill Street'],
    max_num_results: 2,
  });
  expect(new Set(both.data.map(({ filename }) => filename))).toEqual(
    new Set(['tides.md', 'bread.md']),
  );
  const filtered = await search(env, store, {
    query: 'high water',
    filters: {
      type: 'and',
      filters: [
        { type: 'ne', key: 'name', value: 'tides.md' },
        { type: 'in', key: 'name', value: ['bread.md', 'tides.md'] },
      ],
    },
  });
  expect(filtered.data.map(({ filename }) => filename)).toEqual(['bread.md']);
  const sure = await search(env, store, {
    query: 'high water',
    ranking_options: { score_threshold: 0.9 },
  });
  expect(sure.data.map(({ filename }) => filename)).toEqual(['tides.md']);
});

test('the ranker none goes by meaning alone: scores are cosines', async () => {
  const store = await storeOf(env);
  const page = await search(env, store, {
    query: TEXTS['bread.md'],
    ranking_options: { ranker: 'none' },
  });
  expect(page.data).toHaveLength(3);
  expect(page.data[0]).toMatchObject({ filename: 'bread.md' });
  expect(page.data[0]!.score).toBeCloseTo(1, 5);
  expect(Object.keys(page.data[0]!['x-threadmill'].scores as object)).toEqual(['vector']);
});

test('without an embeddings endpoint it finds by words, and says so', async () => {
  const store = await storeOf(lexical);
  const page = await search(lexical, store, { query: 'timetable of the bakery' });
  expect(new Set(page.data.map(({ filename }) => filename))).toEqual(
    new Set(['bread.md', 'trains.py']),
  );
  expect(page['x-threadmill']).toEqual({
    mode: 'lexical',
    reason: 'No embeddings endpoint is configured.',
  });
});

test('when the embeddings endpoint fails it finds by words, and says why', async () => {
  const store = await storeOf(env);
  embeddings.trouble = { status: 503 };
  const page = await search(env, store, { query: 'rye bread' });
  expect(page.data.map(({ filename }) => filename)).toEqual(['bread.md']);
  expect(page['x-threadmill']).toEqual({
    mode: 'lexical',
    reason: 'The embeddings server answered with status 503.',
  });
  embeddings.trouble = undefined;
  expect((await search(env, store, { query: 'rye bread' }))['x-threadmill'].mode).toBe('hybrid');
});

test('refuses what is wrong in the words of the hosted service', async () => {
  const store = (await env.client.vectorStores.create({})).id;
  const nested = (depth: number): object =>
    depth === 0
      ? { type: 'eq', key: 'a', value: 1 }
      : { type: 'and', filters: [nested(depth - 1)] };
  const cases: [object, string, string | null][] = [
    [{}, 'missing_required_parameter', 'query'],
    [{ query: '' }, 'empty_string', 'query'],
    [{ query: [] }, 'empty_array', 'query'],
    [{ query: ['a', 7] }, 'invalid_type', 'query[1]'],
    [{ query: 'a', max_num_results: 51 }, 'integer_above_max_value', 'max_num_results'],
    [{ query: 'a', max_num_results: 0 }, 'integer_below_min_value', 'max_num_results'],
    [{ query: 'a', ranking_options: { ranker: 'x' } }, 'invalid_value', 'ranking_options.ranker'],
    [
      { query: 'a', ranking_options: { score_threshold: 2 } },
      'decimal_above_max_value',
      'ranking_options.score_threshold',
    ],
    [{ query: 'a', page: 2 }, 'unknown_parameter', 'page'],
    [
      { query: 'a', filters: { type: 'like', key: 'a', value: 'b' } },
      'invalid_value',
      'filters.type',
    ],
    [
      { query: 'a', filters: { type: 'eq', key: 'a', value: ['b'] } },
      'invalid_type',
      'filters.value',
    ],
    [
      { query: 'a', filters: { type: 'in', key: 'a', value: 'b' } },
      'invalid_type',
      'filters.value',
    ],
    [{ query: 'a', filters: nested(8) }, 'invalid_value', 'filters'],
    [
      { query: 'a', filters: { type: 'or', filters: Array(101).fill(nested(0)) } },
      'array_above_max_length',
      'filters.filters',
    ],
  ];
  for (const [body, code, param] of cases) {
    expect(await refusal(store, body)).toMatchObject({ status: 400, code, param });
  }
  await search(env, store, { query: 'a', filters: nested(7) });
  await search(env, store, { query: 'a', filters: null, ranking_options: null });
});

test('a store that is not there, or another project’s, expired, or deleted, cannot be searched', async () => {
  const store = await storeOf(env, { 'a.txt': 'a secret' });
  expect(await refusal('vs_unknown', { query: 'a' })).toMatchObject({
    status: 404,
    message: "No vector store found with id 'vs_unknown'.",
  });
  const other = await env.otherClient();
  await expect(other.vectorStores.search(store, { query: 'secret' })).rejects.toMatchObject({
    status: 404,
  });
  await env.pool.query(
    'update vector_stores set expires_after_days = 1, last_active_at = 1 where id = $1',
    [store],
  );
  expect(await refusal(store, { query: 'a' })).toMatchObject({
    status: 400,
    code: 'vector_store_expired',
    message: `Vector store ${store} is expired.`,
  });
  await env.client.vectorStores.delete(store);
  expect(await refusal(store, { query: 'a' })).toMatchObject({
    status: 404,
    message: `No vector store found with id '${store}'.`,
  });
});

test('a search is a use of the store, also in the eyes of its expiry', async () => {
  const store = await storeOf(env, { 'a.txt': 'a text' });
  await env.client.vectorStores.update(store, {
    expires_after: { anchor: 'last_active_at', days: 1 },
  });
  await env.pool.query(
    'update vector_stores set last_active_at = last_active_at - 3600 where id = $1',
    [store],
  );
  const before = await env.client.vectorStores.retrieve(store);
  await search(env, store, { query: 'text' });
  const after = await env.client.vectorStores.retrieve(store);
  expect(after.last_active_at! - before.last_active_at!).toBeGreaterThanOrEqual(3_600);
  expect(after.expires_at! - after.last_active_at!).toBe(86_400);
});

const SMALL_CHUNKS = {
  type: 'static',
  static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
} as const;

test('a chunk is found by the headings above it, and shows the header of the table that it continues', async () => {
  const rows = Array.from({ length: 60 }, (_, n) => `| berth ${n} | ship${n} | ${n * 3} |`);
  const text = [
    '# Harbour rules',
    'Read them.',
    '## Mooring',
    ...Array.from({ length: 40 }, (_, n) => `Line ${n} is made fast.`),
    '## Berths',
    '',
    '| Berth | Vessel | Length |',
    '| --- | --- | --- |',
    ...rows,
    '',
    'The end.',
  ].join('\n');
  const store = await lexical.client.vectorStores.create({ name: 'Harbour' });
  const file = await upload(lexical.client, text, 'rules.md');
  const chunking_strategy = SMALL_CHUNKS;
  await lexical.client.vectorStores.files.create(store.id, { file_id: file, chunking_strategy });
  expect(await settled(lexical.client, store.id, file)).toMatchObject({ status: 'completed' });

  const [made] = (await search(lexical, store.id, { query: 'Mooring line 35' })).data;
  expect(made).toMatchObject({ 'x-threadmill': { headings: ['Harbour rules', 'Mooring'] } });
  expect(made!.content[0]!.text).toContain('Line 35 is made fast.');

  const [row] = (await search(lexical, store.id, { query: 'vessel ship48' })).data;
  const { text: shown } = row!.content[0]!;
  expect(shown).toMatch(/^\| Berth \| Vessel \| Length \|\n\| --- \| --- \| --- \|\n\| berth \d+ /);
  const { start, end, headings, highlights } = row!['x-threadmill'];
  expect(headings).toEqual(['Harbour rules', 'Berths']);
  expect(shown.endsWith(text.slice(start as number, end as number))).toBe(true);
  const places = highlights as [number, number][];
  expect(places.map(([from, to]) => text.slice(from, to))).toEqual(['ship48']);
  const whole = await lexical.client.vectorStores.files.content(file, {
    vector_store_id: store.id,
  });
  expect(whole.data.map((part) => part.text).join('')).toBe(text);
});

test('finds words that the project has often, in a store that has no others of the query', async () => {
  const common = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`${n}.txt`, `Lighthouse number ${n} is painted.`]),
  );
  await storeOf(lexical, common);
  const small = await storeOf(lexical, {
    'one.txt': 'The lighthouse is closed.',
    'two.txt': 'The ferry is late.',
  });
  await lexical.pool.query('analyze documents, chunks');
  const found = async (query: string) =>
    (await search(lexical, small, { query })).data.map(({ filename }) => filename);
  expect(await found('lighthouse zeppelin')).toEqual(['one.txt']);
  expect((await found('lighthouse ferry')).toSorted()).toEqual(['one.txt', 'two.txt']);
});
