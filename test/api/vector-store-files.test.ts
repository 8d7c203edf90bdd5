import { randomUUID } from 'node:crypto';

import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';
import {
  contentOf,
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

test('a file is indexed, and its content is what was indexed', async () => {
  const text = sentences(300);
  const fileId = await upload(env.client, text);
  const store = await stores().create({ name: 'Harbour' });
  const file = await stores().files.createAndPoll(store.id, {
    file_id: fileId,
    attributes: { year: 1912, quay: 'north', open: true },
  });
  expect(file).toEqual({
    id: fileId,
    object: 'vector_store.file',
    usage_bytes: expect.any(Number) as number,
    created_at: expect.any(Number) as number,
    vector_store_id: store.id,
    status: 'completed',
    last_error: null,
    chunking_strategy: {
      type: 'static',
      static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 },
    },
    attributes: { year: 1912, quay: 'north', open: true },
  });
  expect(file.usage_bytes).toBeGreaterThanOrEqual(text.length);
  expect(await contentOf(env.client, store.id, fileId)).toBe(text);
  const filled = await stores().retrieve(store.id);
  expect(filled.file_counts).toEqual({ ...NO_FILES, completed: 1, total: 1 });
  expect(filled).toMatchObject({ status: 'completed', usage_bytes: file.usage_bytes });
});

test('the clients upload and poll', async () => {
  const { id } = await stores().create({ name: 'x' });
  const one = await stores().files.uploadAndPoll(id, await toFile(Buffer.from('One.'), 'one.txt'));
  expect(one.status).toBe('completed');
  const batch = await stores().fileBatches.uploadAndPoll(id, {
    files: [
      await toFile(Buffer.from('Two.'), 'two.md'),
      await toFile(Buffer.from('Three.'), 'three.txt'),
    ],
  });
  expect(batch).toMatchObject({
    object: 'vector_store.files_batch',
    status: 'completed',
    vector_store_id: id,
    file_counts: { ...NO_FILES, completed: 2, total: 2 },
  });
});

test('a file that cannot be indexed fails with a code and a sentence', async () => {
  const fileId = await upload(env.client, 'PK', 'archive.zip');
  const storeId = await storeOf(fileId);
  const file = await stores().files.retrieve(fileId, { vector_store_id: storeId });
  expect(file).toMatchObject({ status: 'failed', usage_bytes: 0 });
  expect(file.last_error).toMatchObject({ code: 'unsupported_file' });
  expect(file.last_error!.message).toMatch(/^[A-Z].*\.$/);
  expect((await stores().retrieve(storeId)).file_counts).toEqual({
    ...NO_FILES,
    failed: 1,
    total: 1,
  });
  const refused = stores().files.content(fileId, { vector_store_id: storeId });
  await expect(refused).rejects.toMatchObject({ status: 400 });
});

test('attributes are replaced as a whole, and null clears them', async () => {
  const fileId = await upload(env.client, 'Some text.');
  const vector_store_id = await storeOf(fileId);
  const change = (attributes: Record<string, string | number | boolean> | null) =>
    stores().files.update(fileId, { vector_store_id, attributes });
  expect((await change({ a: 1, b: 'two' })).attributes).toEqual({ a: 1, b: 'two' });
  expect((await change({ c: false })).attributes).toEqual({ c: false });
  expect((await change(null)).attributes).toEqual({});
});

test('files are listed by state, in the order in which they were added', async () => {
  const names = ['a.txt', 'b.zip', 'c.txt', 'd.txt'];
  const ids: string[] = [];
  for (const name of names) ids.push(await upload(env.client, `Text of ${name}.`, name));
  const storeId = await storeOf(...ids);
  const list = async (query: object) =>
    (await stores().files.list(storeId, query)).data.map(({ id }) => names[ids.indexOf(id)]);
  expect(await list({ order: 'asc' })).toEqual(names);
  expect(await list({})).toEqual(names.toReversed());
  expect(await list({ filter: 'failed' })).toEqual(['b.zip']);
  expect(await list({ filter: 'completed', order: 'asc' })).toEqual(['a.txt', 'c.txt', 'd.txt']);
  expect(await list({ order: 'asc', after: ids[1]!, limit: 1 })).toEqual(['c.txt']);
  expect(await list({ order: 'asc', before: ids[2]! })).toEqual(['a.txt', 'b.zip']);
});

test('a batch takes files with settings of their own', async () => {
  const ids = [await upload(env.client, sentences(40)), await upload(env.client, 'Short.')];
  const { id } = await stores().create({ name: 'x' });
  const batch = await stores().fileBatches.createAndPoll(id, {
    files: [
      {
        file_id: ids[0]!,
        attributes: { first: true },
        chunking_strategy: {
          type: 'static',
          static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 20 },
        },
      },
      { file_id: ids[1]! },
    ],
  });
  expect(batch).toMatchObject({ status: 'completed', file_counts: { completed: 2, total: 2 } });
  const files = await stores().fileBatches.listFiles(batch.id, {
    vector_store_id: id,
    order: 'asc',
  });
  expect(files.data.map(({ id: fileId }) => fileId)).toEqual(ids);
  expect(files.data[0]).toMatchObject({
    attributes: { first: true },
    chunking_strategy: { static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 20 } },
  });
  expect(files.data[1]!.attributes).toEqual({});
  expect(await contentOf(env.client, id, ids[0]!)).toBe(sentences(40));
});

test('a batch of more files than one request starts settles', async () => {
  const ids = await Promise.all(
    Array.from({ length: 24 }, (_, n) => upload(env.client, sentences(3, `port ${n}`), `${n}.txt`)),
  );
  const { id } = await stores().create({ name: 'many' });
  const batch = await stores().fileBatches.create(id, { file_ids: ids });
  expect(batch).toMatchObject({
    status: 'in_progress',
    file_counts: { in_progress: 24, total: 24 },
  });
  expect((await stores().retrieve(id)).status).toBe('in_progress');
  const ended = await stores().fileBatches.poll(id, batch.id);
  expect(ended).toMatchObject({ status: 'completed', file_counts: { completed: 24, total: 24 } });
});

test('the same content is cut once, and stays while a store has it', async () => {
  const text = sentences(60, randomUUID());
  const [first, second] = [await upload(env.client, text), await upload(env.client, text)];
  const before = await count('chunks');
  const one = await storeOf(first, second);
  const added = (await count('chunks')) - before;
  const two = await storeOf(first);
  expect((await count('chunks')) - before).toBe(added);
  await stores().files.delete(first, { vector_store_id: one });
  await stores().files.delete(second, { vector_store_id: one });
  expect(await contentOf(env.client, two, first)).toBe(text);
  expect((await stores().retrieve(one)).file_counts).toEqual(NO_FILES);
  await stores().delete(two);
  expect(await count('chunks')).toBe(before);
  expect((await env.client.files.retrieve(first)).id).toBe(first);
});

test('adding a file that is there keeps its index; another way of cutting makes a new one', async () => {
  const fileId = await upload(env.client, sentences(80));
  const storeId = await storeOf(fileId);
  const same = await stores().files.create(storeId, { file_id: fileId, attributes: { a: 1 } });
  expect(same).toMatchObject({ status: 'completed', attributes: { a: 1 } });
  const strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 0 },
  } as const;
  const other = await stores().files.create(storeId, {
    file_id: fileId,
    chunking_strategy: strategy,
  });
  expect(other).toMatchObject({ status: 'in_progress', chunking_strategy: strategy });
  expect((await settled(env.client, storeId, fileId)).status).toBe('completed');
  expect((await stores().retrieve(storeId)).file_counts.total).toBe(1);
});

test('deleting a file takes it out of every store', async () => {
  const fileId = await upload(env.client, sentences(10, randomUUID()));
  const [one, two] = [await storeOf(fileId), await storeOf(fileId)];
  await env.client.files.delete(fileId);
  for (const id of [one, two]) {
    expect(await stores().retrieve(id)).toMatchObject({ usage_bytes: 0, file_counts: NO_FILES });
    const gone = stores().files.retrieve(fileId, { vector_store_id: id });
    await expect(gone).rejects.toMatchObject({ status: 404 });
  }
});

/** Rows of that many files, which are not ingested: they count like any other. */
async function fill(storeId: string, count: number): Promise<void> {
  const blob = `(select f.project_id, f.blob_id from files f where f.id = $1)`;
  const fileId = await upload(env.client, 'Some text.');
  await env.pool.query(
    `with made as (
       insert into files (id, project_id, created_at, purpose, filename, bytes, blob_id)
       select 'file-fill-' || $2 || '-' || n, b.project_id, 0, 'assistants', 'fill.txt', 0, b.blob_id
       from ${blob} b, generate_series(1, $3::integer) n returning id, project_id)
     insert into vector_store_files (vector_store_id, file_id, project_id, created_at, status, attributes,
       max_chunk_tokens, chunk_overlap_tokens)
     select $2, id, project_id, 0, 'failed', '{}', 800, 400 from made`,
    [fileId, storeId, count],
  );
}

const FULL = {
  status: 400,
  type: 'invalid_request_error',
  code: 'vector_store_file_limit_exceeded',
  param: null,
  message: 'A vector store cannot hold more than 10000 files.',
};

test('a store takes 10,000 files and not one more, in whatever way they come', async () => {
  const { id } = await stores().create({ name: 'full' });
  const ids = await Promise.all(['One.', 'Two.'].map((text) => upload(env.client, text)));
  const [first, second] = ids as [string, string];
  await fill(id, 9_999);
  const total = async () => (await stores().retrieve(id)).file_counts.total;
  expect(await errorOf(post(`/vector_stores/${id}/file_batches`, { file_ids: ids }))).toEqual(FULL);
  expect(await count(`vector_store_file_batches where vector_store_id = '${id}'`)).toBe(0);
  expect(await total()).toBe(9_999);

  // Two at the same time: there is room for one.
  const adding = ids.map((file_id) => post(`/vector_stores/${id}/files`, { file_id }));
  const answers = await Promise.all(adding);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(await errorOf(answers.find(({ status }) => status !== 200)!)).toEqual(FULL);
  expect(await total()).toBe(10_000);
  const [there, other] = answers[0]!.status === 200 ? [first, second] : [second, first];
  expect(await settled(env.client, id, there)).toMatchObject({ status: 'completed' });

  const thread = await env.client.beta.threads.create({
    tool_resources: { file_search: { vector_store_ids: [id] } },
  });
  const message = (file_id: string) => ({
    role: 'user',
    content: 'Read this.',
    attachments: [{ file_id, tools: [{ type: 'file_search' }] }],
  });
  expect(await errorOf(post(`/threads/${thread.id}/messages`, message(other)))).toEqual(FULL);
  expect((await env.client.beta.threads.messages.list(thread.id)).data).toEqual([]);
  expect((await post(`/threads/${thread.id}/messages`, message(there))).status).toBe(200);
  expect(await errorOf(post(`/vector_stores/${id}/files`, { file_id: other }))).toEqual(FULL);
  expect(await total()).toBe(10_000);

  await stores().files.delete(there, { vector_store_id: id });
  expect((await post(`/vector_stores/${id}/files`, { file_id: other })).status).toBe(200);
  expect(await settled(env.client, id, other)).toMatchObject({ status: 'completed' });
});

test('a helper that asks for more files than a store takes makes nothing', async () => {
  const before = await count('vector_stores');
  const file_ids = Array.from({ length: 10_001 }, (_, n) => `file-${n}`);
  const tool_resources = { file_search: { vector_stores: [{ file_ids }] } };
  const param = 'tool_resources.file_search.vector_stores[0].file_ids';
  const refused = { status: 400, code: 'array_above_max_length', param };
  expect(await errorOf(post('/threads', { tool_resources }))).toMatchObject(refused);
  expect(await errorOf(post('/assistants', { model: 'm', tool_resources }))).toMatchObject(refused);
  expect(await count('vector_stores')).toBe(before);
});
