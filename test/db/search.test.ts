import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { inProject } from '../../db/core/row-scope.ts';
import type { SearchRequest } from '../../db/vector-stores/search.ts';
import { searchStores } from '../../db/vector-stores/search.ts';
import type { VectorStoreId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { Filter } from '../../wire/requests/search.ts';
import { newStore } from '../support/indexed-file.ts';
import type { Database } from './database.ts';
import { createProject, startDatabase } from './database.ts';
import type { Texts } from './indexed.ts';
import { indexTexts, MODEL, vectorOf } from './indexed.ts';

let database: Database;
let store: VectorStoreId;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  store = await newStore(database.pool, database.projectId);
});

const add = (texts: Texts, storeId = store) =>
  indexTexts(database.pool, database.projectId, storeId, texts);

type Change = Partial<SearchRequest> & { by?: 'words' | 'meaning' };

/** By words and meaning, unless `by` says otherwise. */
async function search(text: string | string[], { by, ...change }: Change = {}) {
  const queries = [text].flat().map((one) => ({
    text: one,
    vector: by === 'words' ? null : vectorOf(one),
  }));
  return searchStores(database.pool, {
    projectId: database.projectId,
    vectorStoreIds: [store],
    queries,
    model: by === 'words' ? null : MODEL,
    filters: null,
    limit: 10,
    scoreThreshold: 0,
    ranker: by === 'meaning' ? 'none' : 'auto',
    candidates: 400,
    ...change,
  });
}

async function found(text: string | string[], change: Change = {}): Promise<string[]> {
  return (await search(text, change)).hits.map(({ chunk }) => chunk.text);
}

const SHIPS = [
  'the harbour closes at midnight',
  'bread is baked at dawn',
  'the pilot boards ships',
];

describe('by words', () => {
  test('finds what has rare words of the query, in any form, and nothing else', async () => {
    const id = await add({ chunks: SHIPS, filename: 'ships.txt', attributes: { year: 1912 } });
    const { hits, byMeaning } = await search('When does the harbour close?', { by: 'words' });
    expect(byMeaning).toBe(false);
    expect(hits).toEqual([
      {
        vectorStoreId: store,
        fileId: id,
        filename: 'ships.txt',
        attributes: { year: 1912 },
        score: 1,
        scores: { lexical: 1 },
        chunk: {
          id: expect.any(Number) as number,
          ordinal: 0,
          text: SHIPS[0],
          headings: [],
          tableHeader: null,
          page: null,
          start: 0,
          end: 30,
        },
      },
    ]);
    expect(await found('baking', { by: 'words' })).toEqual([SHIPS[1]]);
    expect(await found('nothing of this', { by: 'words' })).toEqual([]);
  });

  test('of code, words count as they stand', async () => {
    await add({ chunks: ['parser.running = true'], words: 'simple' });
    await add({ chunks: ['He has been running.'] });
    expect(await found('running', { by: 'words' })).toHaveLength(2);
    expect(await found('run', { by: 'words' })).toEqual(['He has been running.']);
  });

  test('rare words count more than common ones', async () => {
    const common = Array.from({ length: 30 }, (_, n) => `signal box ${n} signal signal`);
    await add({ chunks: [...common, 'a semaphore signal'] });
    const [first] = await found('semaphore signal', { by: 'words' });
    expect(first).toBe('a semaphore signal');
  });

  test('words in more than 5 % of all chunks are dropped unless there are no others', async () => {
    const chunks = Array.from({ length: 400 }, (_, n) => `vessel number${n} report`);
    await add({ chunks });
    await database.admin.query('analyze chunks');
    expect(await found('vessel number7', { by: 'words', limit: 50 })).toEqual([chunks[7]]);
    expect(await found('vessel', { by: 'words', limit: 50 })).toHaveLength(50);
  });

  test('nothing in a query is an operator', async () => {
    await add({
      chunks: ["it's a \\ 'quoted' <-> thing: foo.bar/baz?x=1 & more | less !not (really)"],
    });
    const queries = [
      "'", '"', '\\', "\\'", "' | 'x", '& | ! ( ) <-> :*', 'foo:*', "it's", "''''", ' \0 ', '\0quoted', '%s $1',
      'https://foo.bar/baz?x=1', 'a'.repeat(4_096), '🦀', 'née ÇA Straße İstanbul', 'e\u0301', '\ud800', '中文 検索',
      'quoted\nthing', '-1.5e10', 'a-b-c_d', '<b>x</b>', '{"a": [1]}',
    ]; // prettier-ignore
    for (const text of queries) await search(text, { by: 'words' });
    expect(await found("' | quoted", { by: 'words' })).toHaveLength(1);
    expect(await found('foo.bar/baz?x=1', { by: 'words' })).toHaveLength(1);
  });

  test('finds words of other scripts', async () => {
    await add({ chunks: ['Ærøskøbing ligger på Ærø', 'Москва слезам не верит', 'café crème'] });
    expect(await found('ærøskøbing', { by: 'words' })).toHaveLength(1);
    expect(await found('МОСКВА', { by: 'words' })).toHaveLength(1);
    expect(await found('crème', { by: 'words' })).toHaveLength(1);
  });

  test('a query of stop words alone finds code that has them', async () => {
    await add({ chunks: ['to be or not to be'], words: 'simple' });
    await add({ chunks: ['To be, or not to be: that is the question.'] });
    expect(await found('to be or not', { by: 'words' })).toEqual(['to be or not to be']);
  });
});

describe('by meaning', () => {
  test('ranks by the cosine, with or without words in common', async () => {
    await add({ chunks: SHIPS });
    const { hits, byMeaning } = await search('the harbour closes', { by: 'meaning' });
    expect(byMeaning).toBe(true);
    expect(hits.map(({ chunk }) => chunk.ordinal).slice(0, 1)).toEqual([0]);
    expect(hits).toHaveLength(3);
    for (const { score, scores } of hits) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(scores).toEqual({ vector: score });
    }
  });

  test('the exact vectors decide among the nearest codes', async () => {
    const chunks = Array.from({ length: 60 }, (_, n) => `alpha${n} beta${n % 7} gamma${n % 3}`);
    await add({ chunks });
    const query = 'alpha5 beta5 gamma2';
    expect((await found(query, { by: 'meaning', candidates: 30 }))[0]).toBe(chunks[5]);
    const exact = chunks
      .map((text) => vectorOf(text).reduce((sum, x, i) => sum + x * vectorOf(query)[i]!, 0))
      .sort((a, b) => b - a);
    const { hits } = await search(query, { by: 'meaning', candidates: 60, limit: 20 });
    hits.forEach(({ score }, n) => expect(score).toBeCloseTo(Math.max(0, exact[n]!), 5));
  });

  test('vectors of another length are no error', async () => {
    await add({ chunks: SHIPS });
    const queries = [{ text: 'harbour', vector: new Float32Array(32).fill(32 ** -0.5) }];
    const { hits } = await search('', { queries });
    expect(hits.map(({ scores }) => Object.keys(scores))).toEqual([['lexical', 'fused']]);
  });

  test('only when all documents have been embedded with the model', async () => {
    await add({ chunks: SHIPS });
    expect((await search('harbour')).byMeaning).toBe(true);
    expect((await search('harbour', { model: 'other/64' })).byMeaning).toBe(false);
    await add({ chunks: ['a harbour without a vector'], embedded: false });
    const { hits, byMeaning } = await search('harbour');
    expect(byMeaning).toBe(false);
    expect(hits.map(({ scores }) => Object.keys(scores))).toEqual([['lexical'], ['lexical']]);
  });
});

describe('by both', () => {
  test('first in both lists is 1, and every part of a score is shown', async () => {
    await add({ chunks: SHIPS });
    const { hits } = await search('the harbour closes at midnight');
    expect(hits[0]).toMatchObject({ score: 1, scores: { lexical: 1, fused: 1 } });
    expect(hits[0]!.scores.vector).toBeCloseTo(1, 5);
    const scores = hits.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  test('results below the threshold are left out', async () => {
    await add({ chunks: SHIPS });
    const all = (await search('harbour ships')).hits;
    const limit = all[1]!.score;
    const kept = await search('harbour ships', { scoreThreshold: limit });
    expect(kept.hits).toEqual(all.filter(({ score }) => score >= limit));
    expect((await search('bread', { by: 'meaning', scoreThreshold: 1 })).hits).toEqual([]);
  });

  test('of several queries each finds its best', async () => {
    await add({ chunks: [...SHIPS, 'coal is dear'] });
    const texts = await found(['the harbour closes at midnight', 'coal is dear'], { limit: 2 });
    expect(new Set(texts)).toEqual(new Set(['coal is dear', SHIPS[0]]));
  });

  test('several stores are searched as one, and what they share is found once', async () => {
    const other = await newStore(database.pool, database.projectId);
    await add({ chunks: SHIPS, filename: 'shared' });
    await add({ chunks: SHIPS, filename: 'again' }, other);
    await add({ chunks: ['a harbour far away'] }, other);
    const { hits } = await search('harbour', { vectorStoreIds: [store, other], by: 'words' });
    expect(hits.map(({ chunk }) => chunk.text).sort()).toEqual(['a harbour far away', SHIPS[0]]);
  });

  test('a chunk that better results of its file repeat is left out', async () => {
    const chunks = ['harbour harbour aaaaa', 'harbour aaaaa bbbbb', 'harbour harbour bbbbb'];
    await add({ chunks, overlap: 0 });
    expect(await found('harbour', { by: 'words' })).toHaveLength(3);
    store = await newStore(database.pool, database.projectId);
    const half = ['aaaa aaaa bbbb bbbb ', 'bbbb bbbb cccc cccc ', 'cccc cccc dddd dddd '];
    await add({ chunks: half, overlap: 10 });
    expect(await found(['aaaa', 'dddd', 'bbbb cccc'], { by: 'words' })).toEqual([half[0], half[2]]);
    expect(await found(['bbbb cccc', 'aaaa', 'dddd'], { by: 'words' })).toHaveLength(3);
  });

  test('no more than the limit, the best first', async () => {
    await add({ chunks: Array.from({ length: 30 }, (_, n) => `harbour ${'x'.repeat(n + 1)}`) });
    expect(await found('harbour', { limit: 7 })).toHaveLength(7);
    expect(await found('harbour', { limit: 50 })).toHaveLength(30);
  });

  test('an empty store has nothing to find', async () => {
    expect(await search('harbour')).toEqual({ hits: [], byMeaning: true });
    expect(await search('harbour', { by: 'words' })).toEqual({ hits: [], byMeaning: false });
  });
});

describe('whose', () => {
  test('a store of another project is unknown, and an expired one says so', async () => {
    await add({ chunks: SHIPS });
    const { project: other } = await createProject(database.url, 'sk-other');
    const theirs = () => search('harbour', { projectId: other });
    await expect(inProject(other, theirs)).rejects.toMatchObject({ status: 404 });
    const unknown = search('harbour', { vectorStoreIds: [store, mintId('vector_store')] });
    await expect(unknown).rejects.toMatchObject({ status: 404 });
    await database.pool.query(
      'update vector_stores set expires_after_days = 1, last_active_at = last_active_at - 86400 where id = $1',
      [store],
    );
    await expect(search('harbour')).rejects.toMatchObject({
      status: 400,
      code: 'vector_store_expired',
    });
  });

  test('neither half finds what is in other stores, whoever owns them', async () => {
    const other = await newStore(database.pool, database.projectId);
    await add({ chunks: ['harbour of the other store'] }, other);
    await add({ chunks: ['harbour of this store'] });
    expect(await found('harbour', { by: 'words' })).toEqual(['harbour of this store']);
    expect(await found('harbour', { by: 'meaning' })).toEqual(['harbour of this store']);
  });

  test('a file that expired is not found', async () => {
    const id = await add({ chunks: SHIPS });
    await database.pool.query('update files set expires_at = 1 where id = $1', [id]);
    expect(await found('harbour')).toEqual([]);
  });

  test('a search is a use', async () => {
    await database.pool.query('update vector_stores set last_active_at = 5 where id = $1', [store]);
    await search('harbour');
    const { rows } = await database.pool.query(
      'select last_active_at from vector_stores where id = $1',
      [store],
    );
    expect(rows).not.toEqual([{ last_active_at: 5 }]);
  });
});

describe('filters', () => {
  const FILES: Texts[] = [
    { chunks: ['harbour red'], attributes: { colour: 'red', year: 1900, open: true } },
    { chunks: ['harbour blue'], attributes: { colour: 'blue', year: 1950.5, open: false } },
    { chunks: ['harbour none'], attributes: {} },
    { chunks: ['harbour odd'], attributes: { year: '1900', colour: 7, 'it\'s "odd" \\ $ü': 'x' } },
  ];
  const CASES: [string, Filter, string[]][] = [
    ['eq', { type: 'eq', key: 'colour', value: 'red' }, ['red']],
    ['eq with a number', { type: 'eq', key: 'year', value: 1900 }, ['red']],
    ['eq with a string', { type: 'eq', key: 'year', value: '1900' }, ['odd']],
    ['eq with a boolean', { type: 'eq', key: 'open', value: false }, ['blue']],
    ['ne', { type: 'ne', key: 'colour', value: 'red' }, ['blue', 'none', 'odd']],
    ['gt', { type: 'gt', key: 'year', value: 1900 }, ['blue']],
    ['gte', { type: 'gte', key: 'year', value: 1900 }, ['blue', 'red']],
    ['lt', { type: 'lt', key: 'year', value: 1950.5 }, ['red']],
    ['lte', { type: 'lte', key: 'year', value: 1950.5 }, ['blue', 'red']],
    ['lt between strings', { type: 'lt', key: 'colour', value: 'c' }, ['blue']],
    ['in', { type: 'in', key: 'colour', value: ['red', 7] }, ['odd', 'red']],
    ['in nothing', { type: 'in', key: 'colour', value: [] }, []],
    ['nin', { type: 'nin', key: 'colour', value: ['red', 'blue'] }, ['none', 'odd']],
    ['an odd key', { type: 'eq', key: 'it\'s "odd" \\ $ü', value: 'x' }, ['odd']],
    ['an unknown key', { type: 'eq', key: 'colour") || true', value: 'x' }, []],
    [
      'and',
      {
        type: 'and',
        filters: [
          { type: 'eq', key: 'open', value: true },
          { type: 'gt', key: 'year', value: 1 },
        ],
      },
      ['red'],
    ],
    [
      'or of and',
      {
        type: 'or',
        filters: [
          { type: 'and', filters: [{ type: 'eq', key: 'colour', value: 'blue' }] },
          { type: 'eq', key: 'colour', value: 7 },
        ],
      },
      ['blue', 'odd'],
    ],
    ['and of nothing', { type: 'and', filters: [] }, ['blue', 'none', 'odd', 'red']],
    ['or of nothing', { type: 'or', filters: [] }, []],
  ];

  let filtered: VectorStoreId;
  beforeAll(async () => {
    filtered = await newStore(database.pool, database.projectId);
    for (const file of FILES) await add(file, filtered);
  });

  test.each(CASES)('%s', async (_name, filters, expected) => {
    for (const by of ['words', 'meaning'] as const) {
      const texts = await found('harbour', { filters, by, vectorStoreIds: [filtered] });
      expect(new Set(texts)).toEqual(new Set(expected.map((name) => `harbour ${name}`)));
    }
  });
});
