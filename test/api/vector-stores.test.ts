import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { tidyFiles } from '../../db/maintenance.ts';
import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';
import {
  countRows,
  expectSound,
  NO_FILES,
  postJson,
  sentences,
  settled,
  storeWith,
  upload,
} from '../support/stores.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await expectSound(env.pool);
  await env[Symbol.asyncDispose]();
});

const stores = () => env.client.vectorStores;

const storeOf = (...fileIds: string[]) => storeWith(env.client, fileIds);

const post = (path: string, body: unknown) => postJson(env, path, body);
const count = (table: string) => countRows(env.pool, table);

test('an empty store is born completed, with every field', async () => {
  const store = await stores().create({});
  expect(store).toEqual({
    id: expect.stringMatching(/^vs_[0-9A-Za-z]{24}$/) as string,
    object: 'vector_store',
    created_at: expect.any(Number) as number,
    name: null,
    description: null,
    usage_bytes: 0,
    file_counts: NO_FILES,
    status: 'completed',
    expires_after: null,
    expires_at: null,
    last_active_at: store.created_at,
    metadata: {},
  });
  expect(await stores().retrieve(store.id)).toEqual(store);
});

test('keeps name, description, metadata and expiry, and changes what a request names', async () => {
  const created = await stores().create({
    name: 'A',
    description: 'B',
    metadata: { a: '1' },
    expires_after: { anchor: 'last_active_at', days: 3 },
  });
  expect(created).toMatchObject({
    name: 'A',
    description: 'B',
    metadata: { a: '1' },
    expires_after: { anchor: 'last_active_at', days: 3 },
    expires_at: created.last_active_at! + 3 * 86_400,
  });
  const renamed = await stores().update(created.id, { name: 'C' });
  expect(renamed).toMatchObject({ name: 'C', metadata: { a: '1' }, expires_after: { days: 3 } });
  const cleared = await stores().update(created.id, {
    name: null,
    metadata: null,
    expires_after: null,
  });
  expect(cleared).toMatchObject({
    name: null,
    metadata: {},
    expires_after: null,
    expires_at: null,
  });
  expect(await stores().delete(created.id)).toEqual({
    id: created.id,
    object: 'vector_store.deleted',
    deleted: true,
  });
  await expect(stores().retrieve(created.id)).rejects.toMatchObject({
    status: 404,
    message: `404 No vector store found with id '${created.id}'.`,
  });
});

test('lists stores page by page, both ways', async () => {
  const client = await env.otherClient();
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await client.vectorStores.create({ name: `${n}` })).id);
  const all: string[] = [];
  for await (const store of client.vectorStores.list({ limit: 2, order: 'asc' })) {
    all.push(store.id);
  }
  expect(all).toEqual(ids);
  const page = await client.vectorStores.list({ limit: 2, before: ids[3]!, order: 'asc' });
  expect(page.data.map(({ id }) => id)).toEqual([ids[1], ids[2]]);
});

test('an expired store says so, refuses use, and gives back what it held', async () => {
  const fileId = await upload(env.client, sentences(10, randomUUID()));
  const store = await stores().create({
    name: 'x',
    file_ids: [fileId],
    expires_after: { anchor: 'last_active_at', days: 1 },
  });
  await settled(env.client, store.id, fileId);
  await env.pool.query(
    'update vector_stores set last_active_at = last_active_at - 86400 where id = $1',
    [store.id],
  );
  const expired = await stores().retrieve(store.id);
  expect(expired).toMatchObject({ status: 'expired', file_counts: { completed: 1 } });
  expect(expired.expires_at).toBe(expired.last_active_at! + 86_400);
  for (const use of [
    () => post(`/vector_stores/${store.id}`, { name: 'y' }),
    () => post(`/vector_stores/${store.id}/files`, { file_id: fileId }),
    () => post(`/vector_stores/${store.id}/file_batches`, { file_ids: [fileId] }),
  ]) {
    expect(await errorOf(use())).toMatchObject({
      status: 400,
      code: 'vector_store_expired',
      message: `Vector store ${store.id} is expired.`,
    });
  }
  await tidyFiles(env.pool);
  expect(await stores().retrieve(store.id)).toMatchObject({
    status: 'expired',
    usage_bytes: 0,
    file_counts: NO_FILES,
  });
  await stores().delete(store.id);
});

test('one request may be sent again under its key', async () => {
  const fileId = await upload(env.client, 'Some text.');
  const { id } = await stores().create({ name: 'x' });
  const send = () =>
    env.fetch(`/v1/vector_stores/${id}/file_batches`, {
      method: 'POST',
      headers: { 'idempotency-key': `k-${id}` },
      body: JSON.stringify({ file_ids: [fileId] }),
    });
  const [first, again] = [await (await send()).json(), await (await send()).json()];
  expect(again).toEqual(first);
  expect(await count(`vector_store_file_batches where vector_store_id = '${id}'`)).toBe(1);
});

test('other projects see nothing of a store, its files and its batches', async () => {
  const fileId = await upload(env.client, 'Some text.');
  const storeId = await storeOf(fileId);
  const batch = await stores().fileBatches.create(storeId, { file_ids: [fileId] });
  const other = (await env.otherClient()).vectorStores;
  const query = { vector_store_id: storeId };
  const unknown = { status: 404 };
  await expect(other.retrieve(storeId)).rejects.toMatchObject(unknown);
  await expect(other.update(storeId, { name: 'x' })).rejects.toMatchObject(unknown);
  await expect(other.delete(storeId)).rejects.toMatchObject(unknown);
  await expect(other.files.list(storeId)).rejects.toMatchObject(unknown);
  await expect(other.files.retrieve(fileId, query)).rejects.toMatchObject(unknown);
  await expect(other.files.content(fileId, query)).rejects.toMatchObject(unknown);
  await expect(other.files.delete(fileId, query)).rejects.toMatchObject(unknown);
  await expect(other.files.create(storeId, { file_id: fileId })).rejects.toMatchObject(unknown);
  await expect(other.fileBatches.retrieve(batch.id, query)).rejects.toMatchObject(unknown);
  await expect(other.fileBatches.cancel(batch.id, query)).rejects.toMatchObject(unknown);
  const own = await other.create({ name: 'own' });
  await expect(other.files.create(own.id, { file_id: fileId })).rejects.toMatchObject({
    status: 404,
    message: `404 No such File object: ${fileId}`,
  });
});

test.each([
  ['/vector_stores', { name: 1 }, 'invalid_type', 'name'],
  ['/vector_stores', { nme: 'x' }, 'unknown_parameter', 'nme'],
  [
    '/vector_stores',
    { expires_after: { anchor: 'last_active_at', days: 0 } },
    'integer_below_min_value',
    'expires_after.days',
  ],
  [
    '/vector_stores',
    { expires_after: { anchor: 'created_at', days: 1 } },
    'invalid_value',
    'expires_after.anchor',
  ],
  ['/vector_stores', { file_ids: Array(501).fill('file-a') }, 'array_above_max_length', 'file_ids'],
  ['/vector_stores/vs_a/files', {}, 'missing_required_parameter', 'file_id'],
  [
    '/vector_stores/vs_a/files',
    { file_id: 'file-a', attributes: { a: null } },
    'invalid_type',
    'attributes.a',
  ],
  [
    '/vector_stores/vs_a/files',
    { file_id: 'file-a', attributes: { a: 'x'.repeat(513) } },
    'string_above_max_length',
    'attributes.a',
  ],
  [
    '/vector_stores/vs_a/files',
    {
      file_id: 'file-a',
      chunking_strategy: {
        type: 'static',
        static: { max_chunk_size_tokens: 99, chunk_overlap_tokens: 0 },
      },
    },
    'integer_below_min_value',
    'chunking_strategy.static.max_chunk_size_tokens',
  ],
  [
    '/vector_stores/vs_a/files',
    {
      file_id: 'file-a',
      chunking_strategy: {
        type: 'static',
        static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 51 },
      },
    },
    'invalid_value',
    'chunking_strategy.static.chunk_overlap_tokens',
  ],
  ['/vector_stores/vs_a/files/file-a', {}, 'missing_required_parameter', 'attributes'],
  ['/vector_stores/vs_a/file_batches', {}, 'missing_required_parameter', 'file_ids'],
  ['/vector_stores/vs_a/file_batches', { file_ids: [] }, 'empty_array', 'file_ids'],
  [
    '/vector_stores/vs_a/file_batches',
    { file_ids: Array(2001).fill('file-a') },
    'array_above_max_length',
    'file_ids',
  ],
  [
    '/vector_stores/vs_a/file_batches',
    { file_ids: ['file-a'], files: [{ file_id: 'file-a' }] },
    'invalid_value',
    'files',
  ],
  ['/vector_stores/undefined', { name: 'x' }, 'invalid_value', 'vector_store_id'],
])('%s refuses what is wrong: %#', async (path, body, code, param) => {
  expect(await errorOf(post(path, body))).toMatchObject({ status: 400, code, param });
});

test.each([
  ['POST', '/vector_stores/vs_none/files', { file_id: 'file-none' }],
  ['POST', '/vector_stores/vs_none/file_batches', { file_ids: ['file-none'] }],
  ['GET', '/vector_stores/vs_none/files', undefined],
  ['GET', '/vector_stores/vs_none/file_batches/vsfb_none', undefined],
  ['DELETE', '/vector_stores/vs_none', undefined],
])('%s %s is not found', async (method, path, body) => {
  const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  expect((await errorOf(env.fetch(`/v1${path}`, init))).status).toBe(404);
});

test('a request with a file that does not exist changes nothing', async () => {
  const fileId = await upload(env.client, 'Some text.');
  const before = await count('vector_stores');
  const refused = await errorOf(post('/vector_stores', { file_ids: [fileId, 'file-none'] }));
  expect(refused).toMatchObject({ status: 404, message: 'No such File object: file-none' });
  expect(await count('vector_stores')).toBe(before);
});
