/** What becomes of a run whose stores are deleted, locked or still being filled. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { lock, untilBlocked } from '../support/locks.ts';
import { checkRun, reached, readStored, setUp } from '../support/runs.ts';
import { callsOf, SEARCH, search, searching } from '../support/searching.ts';
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

/** Searches wait for `documents`, ingests of new texts for `chunks`. */
async function lockTable(name: 'documents' | 'chunks') {
  const client = await lock(env, `lock table ${name} in access exclusive mode`);
  onTestFinished(() => client.end());
  return { release: () => client.query('commit') };
}

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
