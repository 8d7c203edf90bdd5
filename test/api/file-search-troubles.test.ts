/** Runs that search while files are still being embedded, or while the embeddings server is in trouble. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import type { FakeEmbeddings } from '../support/fake-embeddings.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import { text } from '../support/fake-model.ts';
import { checkRun } from '../support/runs.ts';
import { callsOf, foundBy, SEARCH, search, searching } from '../support/searching.ts';
import { settled, upload } from '../support/stores.ts';

let env: Environment;
let embeddings: FakeEmbeddings;
beforeAll(async () => {
  embeddings = await startFakeEmbeddings();
  const embeddingsBaseUrl = embeddings.baseUrl;
  env = await Environment.start({ config: { embeddingsBaseUrl, fileWaitSeconds: 1 } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
  await embeddings[Symbol.asyncDispose]();
});

const runs = () => env.client.beta.threads.runs;

/** The whole answer: the client shows no extensions. */
async function searchOf(storeId: string, query: string) {
  const body = JSON.stringify({ query });
  const answer = await env.fetch(`/v1/vector_stores/${storeId}/search`, { method: 'POST', body });
  return (await answer.json()) as { data: { filename: string }[]; 'x-threadmill': object };
}

/** The next request stands still until it is released; `reached` once it has come. */
function stallNext(): { reached: Promise<void>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  embeddings.troubles.push({ stall: promise });
  return { reached: embeddings.asked(embeddings.requests.length + 1), release: resolve };
}

test('a run goes on without files that take too long, and the model is told so', async () => {
  const { threadId, assistant, model } = await searching(env, [
    search('goats and towers'),
    text('Perhaps.'),
    search('goats and towers'),
    text('Goats do.'),
  ]);
  const goats = await upload(env.client, 'Goats climb towers.', 'goats.txt');
  const stalled = stallNext();
  await env.client.beta.threads.messages.create(threadId, {
    role: 'user',
    content: 'Who climbs towers?',
    attachments: [{ file_id: goats, tools: [SEARCH] }],
  });
  await stalled.reached;
  const ask = async () => {
    const run = await runs().createAndPoll(threadId, { assistant_id: assistant.id });
    expect(run.status).toBe('completed');
    return foundBy((await checkRun(env, run)).steps);
  };
  expect((await ask()).toSorted()).toEqual(['facts.txt', 'fish.txt']);
  const thread = await env.client.beta.threads.retrieve(threadId);
  const [storeId] = thread.tool_resources?.file_search?.vector_store_ids ?? [];
  expect(await env.client.vectorStores.retrieve(storeId!)).toMatchObject({ status: 'in_progress' });

  stalled.release();
  expect(await settled(env.client, storeId!, goats)).toMatchObject({ status: 'completed' });
  expect(await ask()).toContain('goats.txt');

  const told = '1 of the files is still being indexed and cannot be found yet';
  const prompts = env.model.requests(model).map(({ body }) => JSON.stringify(body.messages[0]));
  expect(prompts.map((prompt) => prompt.includes(told))).toEqual([true, true, false, false]);
});

/** A kind of trouble, its reason, and how it begins and ends. */
const TROUBLES: [string, string, () => Promise<void> | void, () => Promise<void> | void][] = [
  [
    'refuses connections',
    'could not be reached',
    () => embeddings.close(),
    () => embeddings.listen(),
  ],
  [
    'fails',
    'answered with status 500',
    () => void (embeddings.trouble = { status: 500 }),
    () => void (embeddings.trouble = undefined),
  ],
];

test.each(TROUBLES)(
  'a search goes by words while the embeddings server %s, and by meaning afterwards',
  async (_trouble, reason, begin, end) => {
    const { files, threadId, assistant } = await searching(env, [
      search('moss'),
      text('Moss.'),
      search('moss'),
      text('Moss.'),
    ]);
    const both = async () => {
      const run = await runs().createAndPoll(threadId, { assistant_id: assistant.id });
      expect(run.status).toBe('completed');
      const page = await searchOf(files.id, 'moss');
      const found = foundBy((await checkRun(env, run)).steps);
      expect(page.data.map(({ filename }) => filename)).toEqual(found);
      return { found, how: page['x-threadmill'] };
    };
    await begin();
    try {
      const how = { mode: 'lexical', reason: `The embeddings server ${reason}.` };
      expect(await both()).toEqual({ found: ['fish.txt'], how });
    } finally {
      await end();
    }
    // Near or far, by meaning everything is found.
    expect(await both()).toEqual({ found: ['fish.txt', 'facts.txt'], how: { mode: 'hybrid' } });
  },
);

test('an embeddings server that says nothing is waited for ten seconds, then words decide', async () => {
  const { threadId, assistant } = await searching(env, [search('moss'), text('Moss.')]);
  const stalled = stallNext();
  const run = await runs().createAndPoll(threadId, { assistant_id: assistant.id });
  const { steps } = await checkRun(env, run);
  stalled.release();
  expect(run.status).toBe('completed');
  expect(foundBy(steps)).toEqual(['fish.txt']);
});

test('a store that is deleted in the middle of a search is left out of it', async () => {
  const { files, threadId, assistant } = await searching(env, [search('moss'), text('Nothing.')]);
  const stalled = stallNext();
  const run = await runs().create(threadId, { assistant_id: assistant.id });
  await stalled.reached;
  await env.client.vectorStores.delete(files.id);
  stalled.release();
  const ended = await runs().poll(run.id, { thread_id: threadId });
  const { steps } = await checkRun(env, ended);
  expect(ended.status).toBe('completed');
  expect(callsOf(steps)).toMatchObject([{ file_search: { results: [] } }]);
});
