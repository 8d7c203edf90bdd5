/** What becomes of a run whose stores are expired, deleted, locked or still being filled. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import { lock, untilBlocked } from '../support/locks.ts';
import { checkRun, reached, readStored, setUp } from '../support/runs.ts';
import { callsOf, foundBy, indexedStore, SEARCH, search, searching } from '../support/searching.ts';
import { settled, upload } from '../support/stores.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const runs = () => env.client.beta.threads.runs;

/** As if nobody had used the store for years. */
const expire = (storeId: string) =>
  env.pool.query(
    'update vector_stores set expires_after_days = 1, last_active_at = 1 where id = $1',
    [storeId],
  );

const refusal = (storeId: string) => ({
  status: 400,
  code: 'vector_store_expired',
  message: `400 Vector store ${storeId} is expired.`,
});

/** Searches wait for `documents`, ingests of new texts for `chunks`. */
async function lockTable(name: 'documents' | 'chunks') {
  const client = await lock(env, `lock table ${name} in access exclusive mode`);
  onTestFinished(() => client.end());
  return { release: () => client.query('commit') };
}

test('a run is refused, and leaves nothing behind, while a store of its is expired', async () => {
  const { files, threadId, assistant } = await searching(env, [text('Hello.')]);
  const assistant_id = assistant.id;
  await expire(files.id);
  const additional_messages = [{ role: 'user' as const, content: 'More' }];
  const refused = runs().create(threadId, { assistant_id, additional_messages });
  await expect(refused).rejects.toMatchObject(refusal(files.id));
  const both = env.client.beta.threads.createAndRun({ assistant_id, thread: {} });
  await expect(both).rejects.toMatchObject(refusal(files.id));
  expect((await runs().list(threadId)).data).toEqual([]);
  expect((await env.client.beta.threads.messages.list(threadId)).data).toHaveLength(1);
  // A run that does not search has no use for the store.
  const run = await runs().createAndPoll(threadId, { assistant_id, tools: [] });
  expect(run.status).toBe('completed');
});

test('once the expired store has been replaced, the thread and the assistant can be used', async () => {
  const { files, threadId, assistant } = await searching(env, [search('moss'), text('Moss.')]);
  await env.client.beta.threads.update(threadId, {
    tool_resources: { file_search: { vector_store_ids: [files.id] } },
  });
  await expire(files.id);
  const file_search = { vector_store_ids: [(await indexedStore(env)).id] };
  await env.client.beta.assistants.update(assistant.id, { tool_resources: { file_search } });
  const ask = () => runs().createAndPoll(threadId, { assistant_id: assistant.id });
  await expect(ask()).rejects.toMatchObject(refusal(files.id));
  await env.client.beta.threads.update(threadId, { tool_resources: { file_search } });
  const { steps } = await checkRun(env, await ask());
  expect(foundBy(steps)).toEqual(['fish.txt']);
});

test('a run whose store expires while it is under way fails with the reason', async () => {
  const held = hold(search('moss') as ReturnType<typeof text>, { afterChunks: 0 });
  const { files, threadId, assistant } = await searching(env, [held.reply]);
  const run = await runs().create(threadId, { assistant_id: assistant.id });
  await held.reached;
  await expire(files.id);
  held.release();
  const ended = await runs().poll(run.id, { thread_id: threadId });
  const last_error = {
    code: 'server_error',
    message: `Vector store ${files.id} is expired.`,
  };
  expect(ended).toMatchObject({ status: 'failed', last_error });
  const { steps } = await checkRun(env, ended);
  expect(steps).toMatchObject([{ type: 'tool_calls', status: 'failed', last_error }]);
});

test('a run is a use of its stores, whether it searches them or not', async () => {
  const { files, threadId, assistant } = await searching(env, [text('Hello.')]);
  const stores = env.client.vectorStores;
  await stores.update(files.id, { expires_after: { anchor: 'last_active_at', days: 1 } });
  await env.pool.query(
    'update vector_stores set last_active_at = last_active_at - 3600 where id = $1',
    [files.id],
  );
  const before = await stores.retrieve(files.id);
  await runs().createAndPoll(threadId, { assistant_id: assistant.id });
  const after = await stores.retrieve(files.id);
  expect(after.last_active_at! - before.last_active_at!).toBeGreaterThanOrEqual(3_600);
  expect(after.expires_at! - after.last_active_at!).toBe(86_400);
});

test('finds nothing in a store that was deleted before the run', async () => {
  const { files, threadId, assistant } = await searching(env, [search('moss'), text('Nothing.')]);
  await env.client.vectorStores.delete(files.id);
  const run = await runs().createAndPoll(threadId, { assistant_id: assistant.id });
  const { steps } = await checkRun(env, run);
  expect(run.status).toBe('completed');
  expect(callsOf(steps)).toMatchObject([{ file_search: { results: [] } }]);
});

test('a search under way shows its ranking options and no results, also once it is cancelled', async () => {
  const ranking_options = { ranker: 'auto' as const, score_threshold: 0.4 };
  const { threadId, assistant } = await searching(
    env,
    [search('moss')],
    [{ type: 'file_search', file_search: { ranking_options } }],
  );
  const documents = await lockTable('documents');
  const run = await runs().create(threadId, { assistant_id: assistant.id });
  await untilBlocked(env, 'join documents d', 1);
  const { steps } = await readStored(env, run);
  const file_search = { ranking_options, results: [] };
  expect(callsOf(steps)).toMatchObject([{ type: 'file_search', file_search }]);
  await runs().cancel(run.id, { thread_id: threadId });
  await documents.release();
  const ended = await runs().poll(run.id, { thread_id: threadId });
  const stored = await checkRun(env, ended);
  expect(stored.steps).toMatchObject([{ status: 'cancelled' }]);
  expect(callsOf(stored.steps)).toEqual(callsOf(steps));
});

test('a run that waits for files of its thread can be cancelled', async () => {
  const { threadId, assistant, model } = await setUp(env, [], { tools: [SEARCH] });
  const file = await upload(env.client, 'Cancelled in time.');
  const chunks = await lockTable('chunks');
  await env.client.beta.threads.messages.create(threadId, {
    role: 'user',
    content: 'And this?',
    attachments: [{ file_id: file, tools: [SEARCH] }],
  });
  const run = await runs().create(threadId, { assistant_id: assistant.id });
  await reached(env, run, 'thread.run.in_progress');
  await runs().cancel(run.id, { thread_id: threadId });
  const ended = await runs().poll(run.id, { thread_id: threadId });
  expect(ended.status).toBe('cancelled');
  expect(env.model.requests(model)).toEqual([]);
  await chunks.release();
});

test('a run does not wait for files of its assistant, but the model is told of them', async () => {
  const store = await env.client.vectorStores.create({ name: 's' });
  const { threadId, assistant, model } = await setUp(env, [text('Hello.')], {
    tools: [SEARCH],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  });
  const file = await upload(env.client, 'Told of in time.');
  const chunks = await lockTable('chunks');
  await env.client.vectorStores.files.create(store.id, { file_id: file });
  const run = await runs().createAndPoll(threadId, { assistant_id: assistant.id });
  expect(run.status).toBe('completed');
  expect(env.model.requests(model)[0]?.body.messages[0]?.content).toContain(
    '1 of the files is still being indexed',
  );
  await chunks.release();
  expect(await settled(env.client, store.id, file)).toMatchObject({ status: 'completed' });
});
