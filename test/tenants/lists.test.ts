/**
 * Lists of large objects. A page ends at a number of bytes, whatever its limit, so that a tenant with large objects takes
 * neither the memory nor the time of others. The objects are stored directly: requests of today may not be so large.
 */
import { readFile } from 'node:fs/promises';

import type OpenAI from 'openai';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../api/operations/index.ts';
import { PAGE_BYTES } from '../../db/core/list-page.ts';
import type { Pool, Queryable } from '../../db/core/pool.ts';
import { callerOfKey } from '../../db/projects/api-keys.ts';
import { listAssistants } from '../../db/threads/assistants.ts';
import type { IdKind } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';
import { newStore, indexFile } from '../support/indexed-file.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

const OBJECTS = 5;
/** Three of them fill a page. */
const TEXT = 1.5 * 1024 * 1024;

/** SQL: a text that compresses to nothing, or hardly, by the number of its object. */
const textOf = (n: number, length = TEXT): string =>
  n % 2 === 0
    ? `repeat('a', ${length})`
    : `(select left(string_agg(md5(n::text || 'x'), ''), ${length}) from generate_series(1, ${length} / 32 + 1) n)`;

type Copies = {
  table: string;
  /** A row to copy. */
  from: { column: string; value: string };
  kind: IdKind;
  /** SQL of a jsonb object with the columns that differ, by the SQL of the text. */
  columns: (text: string, n: number) => string;
  length?: number;
};

/** Returns the ids, newest first. */
async function copy(pool: Pool, { table, from, kind, columns, length }: Copies): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < OBJECTS; n++) {
    const id = mintId(kind);
    await pool.query(
      `insert into ${table} overriding system value select (jsonb_populate_record(t,
         jsonb_build_object('id', $2::text) || ${columns(textOf(n, length), n)})).* from ${table} t
       where t.${from.column} = $1 limit 1`,
      [from.value, id],
    );
    ids.unshift(id);
  }
  await pool.query(`delete from ${table} where ${from.column} = $1 and id <> all($2::text[])`, [
    from.value,
    ids,
  ]);
  return ids;
}

const tool = (text: string) =>
  `jsonb_build_array(jsonb_build_object('type', 'function', 'function', jsonb_build_object('name', 'f', 'description', ${text})))`;

type List = {
  operation: string;
  path: string;
  ids: string[];
  /** It takes neither `order` nor `before`, or not both. */
  orders?: string[];
  isOneWay?: boolean;
};

let env: Environment;
let lists: List[];
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  lists = [...(await fillThread(env)), ...(await fillFiles(env))];
}, 120_000);
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

async function fillThread({ client, pool }: Environment): Promise<List[]> {
  const assistant = await client.beta.assistants.create({ model: 'm' });
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const thread = await client.beta.threads.create({ messages });
  const { id } = await client.beta.threads.runs.create(thread.id, { assistant_id: assistant.id });
  const run = mintId('run');
  await pool.query(
    `insert into runs select (jsonb_populate_record(r, jsonb_build_object('id', $2::text, 'status', 'completed'))).* from runs r where id = $1`,
    [id, run],
  );
  await pool.query(
    `insert into run_steps (id, run_id, project_id, thread_id, assistant_id, turn, seq, type, status, created_at)
     select $2, id, project_id, thread_id, assistant_id, 0, 0, 'tool_calls', 'completed', 0 from runs where id = $1`,
    [run, mintId('run_step')],
  );
  const steps = await copy(pool, {
    table: 'run_steps',
    from: { column: 'run_id', value: run },
    kind: 'run_step',
    columns: (_, n) => `jsonb_build_object('seq', ${n + 1})`,
  });
  for (const [n, step] of steps.entries()) {
    await pool.query(
      `insert into tool_calls (step_id, run_id, index, id, type, name, input) select $1, $2, 0, $3, 'function', 'f', ${textOf(n)}`,
      [step, run, `call_${n}`],
    );
  }
  const ofThread = { column: 'thread_id', value: thread.id };
  const path = `/threads/${thread.id}`;
  const ids = {
    assistants: await copy(pool, {
      table: 'assistants',
      from: { column: 'model', value: 'm' },
      kind: 'assistant',
      columns: (text) => `jsonb_build_object('tools', ${tool(text)})`,
    }),
    messages: await copy(pool, {
      table: 'messages',
      from: ofThread,
      kind: 'message',
      columns: (text, n) =>
        `jsonb_build_object('seq', ${n + 10}, 'content', jsonb_build_array(jsonb_build_object('type', 'text', 'text', jsonb_build_object('value', ${text}, 'annotations', '[]'::jsonb))))`,
    }),
  };
  const runs = await copyRuns(pool, { run, queued: id });
  return [
    { operation: 'listAssistants', path: '/assistants', ids: ids.assistants },
    { operation: 'listMessages', path: `${path}/messages`, ids: ids.messages },
    { operation: 'listRuns', path: `${path}/runs`, ids: runs },
    { operation: 'listRunSteps', path: `${path}/runs/${run}/steps`, ids: steps },
  ];
}

/** With the run of the steps, which is the oldest. */
async function copyRuns(pool: Pool, { run, queued }: { run: string; queued: string }) {
  const copies = await copy(pool, {
    table: 'runs',
    from: { column: 'id', value: queued },
    kind: 'run',
    columns: (text) => `jsonb_build_object('status', 'completed', 'tools', ${tool(text)})`,
  });
  return [...copies, run];
}

async function fillFiles({ client, pool, apiKey }: Environment): Promise<List[]> {
  const project = (await callerOfKey(pool, apiKey))!.project;
  const one = await createFile(client);
  const files = await copy(pool, {
    table: 'files',
    from: { column: 'id', value: one },
    kind: 'file',
    columns: (text) => `jsonb_build_object('filename', ${text})`,
  });
  const store = await newStore(pool, project);
  const batch = await client.vectorStores.fileBatches.create(store, { file_ids: files });
  for (const [n, file] of files.toReversed().entries()) {
    await pool.query(
      `update vector_store_files set attributes = jsonb_build_object('a', ${textOf(n)}), list_place = ${n} where file_id = $1`,
      [file],
    );
  }
  const other = await newStore(pool, project);
  const stores = await copy(pool, {
    table: 'vector_stores',
    from: { column: 'id', value: other },
    kind: 'vector_store',
    columns: (text) => `jsonb_build_object('metadata', jsonb_build_object('a', ${text}))`,
  });
  const ofStore = `/vector_stores/${store}`;
  const first = mintId('batch');
  await pool.query(
    `insert into batches (id, project_id, key_id, created_at, endpoint, input_file_id, completion_window, metadata, status, expires_at,
       running_limit, priority, paused, on_requires_action)
     values ($1, $2, 'key', 0, '/v1/chat/completions', $3, '24h', '{}', 'failed', 0, 1, 0, false, 'fail')`,
    [first, project, one],
  );
  const batches = await copy(pool, {
    table: 'batches',
    from: { column: 'id', value: first },
    kind: 'batch',
    columns: (text) => `jsonb_build_object('metadata', jsonb_build_object('a', ${text}))`,
  });
  const desc = { orders: ['desc'], isOneWay: true };
  return [
    { operation: 'listBatches', path: '/batches', ids: batches, ...desc },
    { operation: 'listFiles', path: '/files', ids: files, isOneWay: true },
    { operation: 'listVectorStores', path: '/vector_stores', ids: [...stores, store] },
    { operation: 'listVectorStoreFiles', path: `${ofStore}/files`, ids: files },
    {
      operation: 'listFilesInVectorStoreBatch',
      path: `${ofStore}/file_batches/${batch.id}/files`,
      ids: files,
    },
  ];
}

type Listed = ListEnvelope<{ id: string }>;

/** A page and its bytes. */
async function read(path: string, query: Record<string, string>) {
  const answer = await env.fetch(`/v1${path}?${new URLSearchParams(query).toString()}`);
  expect(answer.status).toBe(200);
  const text = await answer.text();
  return { page: JSON.parse(text) as Listed, bytes: Buffer.byteLength(text) };
}

/** The largest page: the object that fills it may begin just before it is full. */
const MOST = PAGE_BYTES + 1.1 * TEXT;

describe('every list of large objects', () => {
  test('is tried here', () => {
    const paged = OPERATIONS.filter(({ id, extension }) => id.startsWith('list') && !extension);
    expect(paged.map(({ id }) => id).toSorted()).toEqual(
      [...lists.map(({ operation }) => operation), 'listModels'].toSorted(),
    );
  });

  test('ends its pages at a number of bytes, and has all of its objects once, in either order', async () => {
    for (const { operation, path, ids, orders = ['desc', 'asc'] } of lists) {
      for (const order of orders) {
        const seen: string[] = [];
        let pages = 0;
        for (let more = true; more; pages += 1) {
          const after = seen.at(-1);
          const limit = { limit: '100', order };
          const { page, bytes } = await read(
            path,
            after === undefined ? limit : { ...limit, after },
          );
          expect(bytes, operation).toBeLessThan(MOST);
          expect(page.data.length, operation).toBeGreaterThan(0);
          expect(page.first_id).toBe(page.data[0]!.id);
          expect(page.last_id).toBe(page.data.at(-1)!.id);
          seen.push(...page.data.map(({ id }) => id));
          more = page.has_more;
        }
        expect(seen, operation).toEqual(order === 'desc' ? ids : ids.toReversed());
        expect(pages, operation).toBe(2);
      }
    }
  });

  test('ends them also when it is read backwards', async () => {
    for (const { operation, path, ids, isOneWay } of lists) {
      if (isOneWay) continue;
      const { page, bytes } = await read(path, { limit: '100', before: ids.at(-1)! });
      expect(bytes, operation).toBeLessThan(MOST);
      // Those just before it, and more in front of them.
      expect(
        page.data.map(({ id }) => id),
        operation,
      ).toEqual(ids.slice(-4, -1));
      expect(page.has_more, operation).toBe(true);
    }
  });

  test('is read to its end by the official client', async () => {
    const { client } = env;
    const all = async (pages: AsyncIterable<{ id: string }>) => {
      const seen: string[] = [];
      for await (const { id } of pages) seen.push(id);
      return seen;
    };
    const found = Object.fromEntries(lists.map(({ operation, ids }) => [operation, ids]));
    expect(await all(client.beta.assistants.list({ limit: 100 }))).toEqual(found['listAssistants']);
    expect(await all(client.files.list())).toEqual(found['listFiles']);
    expect(await all(client.vectorStores.list({ limit: 100 }))).toEqual(found['listVectorStores']);
  });

  test('takes no more from Postgres than its page', async () => {
    const project = (await callerOfKey(env.pool, env.apiKey))!.project;
    let taken = 0;
    const counting = {
      query: async (statement: pg.QueryConfig) => {
        const result = await env.pool.query(statement);
        taken += JSON.stringify(result.rows).length;
        return result;
      },
    } as Queryable;
    const page = await listAssistants(counting, project, { limit: 100, order: 'desc' });
    expect(page.data).toHaveLength(3);
    expect(taken).toBeLessThan(MOST * 1.1);
  });
});

test('the text of a file is read as it is sent, and the official client has all of it', async () => {
  const project = (await callerOfKey(env.pool, env.apiKey))!.project;
  const store = await newStore(env.pool, project);
  // Of each chunk the next repeats the last three characters.
  const chunks = Array.from({ length: 100 }, (_, ordinal) => ({
    ordinal,
    text: `${ordinal === 0 ? '' : 'éxy'}chunk ${String(ordinal).padStart(3, '0')} éxy`,
    headings: [],
    tableHeader: null,
    page: null,
    start: ordinal * 13 - (ordinal === 0 ? 0 : 3),
    end: ordinal * 13 + 13,
    tokens: 3,
  }));
  const file = { filename: 'a.txt', attributes: {}, words: 'simple' as const, chunks };
  const id = await indexFile(env.pool, project, store, { ...file, vectors: null, model: '' });
  const read = async (client: OpenAI) =>
    client.vectorStores.files.content(id, { vector_store_id: store });
  const { data } = await read(env.client);
  const whole = chunks.map(({ ordinal }) => `chunk ${String(ordinal).padStart(3, '0')} éxy`);
  expect(data.map(({ text }) => text)).toEqual(whole);
  await env.pool.query('delete from chunks where ordinal = 50');
  await expect(read(env.client)).rejects.toThrow();
});

test('the memory of the API is bounded when many clients list objects of 10 MB, and some never read the answer', async () => {
  await using processes = await ProcessEnvironment.start();
  const api = await processes.startApi();
  const model = { model: 'm' };
  await processes.client.beta.assistants.create(model);
  await copy(processes.pool, {
    table: 'assistants',
    from: { column: 'model', value: 'm' },
    kind: 'assistant',
    columns: (text) => `jsonb_build_object('tools', ${tool(text)})`,
    length: 10_000_000,
  });
  const list = () => processes.fetch('/v1/assistants?limit=100');
  const stalled = new AbortController();
  const answers = await Promise.all(
    Array.from({ length: 16 }, async (_, n) => {
      const answer = await list();
      if (n % 4 > 0) return answer.arrayBuffer();
      return stalled.signal.addEventListener('abort', () => void answer.body?.cancel());
    }),
  );
  expect(answers).toHaveLength(16);
  stalled.abort();
  const status = await readFile(`/proc/${api.pid}/status`, 'utf8');
  const [, peak] = /VmHWM:\s+(\d+) kB/.exec(status)!;
  expect(Number(peak) * 1024).toBeLessThan(1024 ** 3);
}, 240_000);
