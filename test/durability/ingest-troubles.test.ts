/** Servers that an ingest needs and that are away, slow or unwilling; and what operators and clients do meanwhile. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import type { FakeEmbeddings } from '../support/fake-embeddings.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import { loseWorkflow, passNow } from '../support/operator.ts';
import { contentOf, expectSound, sentences, settled, upload } from '../support/stores.ts';

let env: Environment;
let embeddings: FakeEmbeddings;
beforeAll(async () => {
  embeddings = await startFakeEmbeddings();
  env = await Environment.start({ config: { embeddingsBaseUrl: embeddings.baseUrl } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await embeddings[Symbol.asyncDispose]();
});

async function add(about: string, count = 20) {
  const text = sentences(count, about);
  const fileId = await upload(env.client, text);
  const store = await env.client.vectorStores.create({ name: about, file_ids: [fileId] });
  const { rows } = await env.pool.query<{ id: string }>(
    `select vector_store_id || ':' || file_id || ':' || seq as id from vector_store_files where vector_store_id = $1`,
    [store.id],
  );
  return {
    text,
    fileId,
    storeId: store.id,
    workflow: env.temporal.workflow.getHandle(rows[0]!.id),
  };
}

const end = ({ storeId, fileId }: { storeId: string; fileId: string }) =>
  settled(env.client, storeId, fileId);

/** Every request from now on stands still until it is released. */
function stall(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  embeddings.trouble = { stall: promise };
  return () => {
    embeddings.trouble = undefined;
    resolve();
  };
}

test('waits for an embeddings server that is away', async () => {
  await embeddings.close();
  const file = await add('away');
  await eventually(async () => {
    const { raw } = await file.workflow.describe();
    expect(raw.pendingActivities?.[0]?.attempt).toBeGreaterThanOrEqual(2);
  });
  await embeddings.listen();
  expect(await end(file)).toMatchObject({ status: 'completed', last_error: null });
  expect(await contentOf(env.client, file.storeId, file.fileId)).toBe(file.text);
  await expectSound(env.pool);
});

test('comes back when a server that limits its rate says so', async () => {
  embeddings.troubles.push({ status: 429, headers: { 'retry-after-ms': '700' } });
  const before = embeddings.requests.length;
  const file = await add('rate');
  expect(await end(file)).toMatchObject({ status: 'completed' });
  expect(embeddings.requests.length - before).toBe(2);
  const history = await file.workflow.fetchHistory();
  expect(history.events!.length).toBeLessThanOrEqual(17);
});

test.each([
  [401, 'The embeddings server refused the configured key.'],
  [400, 'The embeddings server answered with status 400.'],
])('fails with a sentence when the server answers %i', async (status, message) => {
  embeddings.troubles.push({ status });
  expect(await end(await add(`refused ${status}`))).toMatchObject({
    status: 'failed',
    last_error: { code: 'server_error', message },
    usage_bytes: 0,
  });
  await expectSound(env.pool);
});

test('a failed file is tried again when it is added again', async () => {
  embeddings.troubles.push({ status: 400 });
  const file = await add('again');
  expect((await end(file)).status).toBe('failed');
  await env.client.vectorStores.files.create(file.storeId, { file_id: file.fileId });
  expect((await end(file)).status).toBe('completed');
  await expectSound(env.pool);
});

test('cancelling a batch ends its files at once, and their workflows soon', async () => {
  const release = stall();
  const fileId = await upload(env.client, sentences(20, 'cancel'));
  const store = await env.client.vectorStores.create({ name: 'cancel' });
  const before = embeddings.requests.length;
  const batch = await env.client.vectorStores.fileBatches.create(store.id, { file_ids: [fileId] });
  await embeddings.asked(before + 1);
  const query = { vector_store_id: store.id };
  const cancelled = await env.client.vectorStores.fileBatches.cancel(batch.id, query);
  expect(cancelled).toMatchObject({ status: 'cancelled', file_counts: { cancelled: 1, total: 1 } });
  await eventually(async () => {
    const { rows } = await env.pool.query('select from deliveries');
    expect(rows).toEqual([]);
  });
  const { rows } = await env.pool.query<{ id: string }>(
    `select vector_store_id || ':' || file_id || ':' || seq as id from vector_store_files where batch_id = $1`,
    [batch.id],
  );
  const workflow = env.temporal.workflow.getHandle(rows[0]!.id);
  await eventually(async () => expect((await workflow.describe()).status.name).toBe('CANCELLED'));
  release();
  expect((await env.client.vectorStores.fileBatches.cancel(batch.id, query)).status).toBe(
    'cancelled',
  );
  await expectSound(env.pool);
});

test('a file that leaves its store while it is ingested leaves nothing behind', async () => {
  const release = stall();
  const before = embeddings.requests.length;
  const file = await add('leaves');
  await embeddings.asked(before + 1);
  await env.client.vectorStores.delete(file.storeId);
  release();
  await eventually(async () =>
    expect((await file.workflow.describe()).status.name).not.toBe('RUNNING'),
  );
  await expectSound(env.pool);
});

test("a cancel in Temporal, like the UI's button, cancels the file", async () => {
  const release = stall();
  const before = embeddings.requests.length;
  const file = await add('button');
  await embeddings.asked(before + 1);
  await file.workflow.cancel();
  expect(await end(file)).toMatchObject({ status: 'cancelled', last_error: null });
  release();
  await expectSound(env.pool);
});

/** Lets the reconciler look at the file now, as if nothing had touched it for minutes. */
async function reconcile({ storeId }: { storeId: string }): Promise<void> {
  const back = `update vector_store_files set updated_at = updated_at - interval '10 minutes' where vector_store_id = $1`;
  await env.pool.query(back, [storeId]);
  await passNow(env.pool);
}

test('a workflow that was terminated fails its file', async () => {
  const release = stall();
  const before = embeddings.requests.length;
  const file = await add('terminated');
  await embeddings.asked(before + 1);
  await file.workflow.terminate();
  await reconcile(file);
  expect(await end(file)).toMatchObject({
    status: 'failed',
    last_error: { code: 'server_error', message: 'The ingest was terminated by an operator.' },
  });
  release();
  await expectSound(env.pool);
});

test('a file whose workflow was lost is ingested by another one', async () => {
  const release = stall();
  const before = embeddings.requests.length;
  const file = await add('lost');
  await embeddings.asked(before + 1);
  await eventually(async () => {
    const { rows } = await env.pool.query('select from deliveries');
    expect(rows).toEqual([]);
  });
  await loseWorkflow(env, { runId: file.workflow.workflowId });
  release();
  await reconcile(file);
  expect(await end(file)).toMatchObject({ status: 'completed' });
  expect(await contentOf(env.client, file.storeId, file.fileId)).toBe(file.text);
  await expectSound(env.pool);
});
