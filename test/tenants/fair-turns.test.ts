/** Turns of one project beside any number of another's, as counts. */
import type OpenAI from 'openai';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { countBlocked } from './support.ts';

const SLOTS = 60;
const CONNECTIONS = 20;

let env: Environment;
let other: OpenAI;
beforeEach(async () => {
  const config = { workerActivitySlots: SLOTS, databasePoolSize: CONNECTIONS };
  env = await Environment.start({ worker: false, config });
  other = await env.otherClient();
});
afterEach(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

/** Runs whose model has their project's name. */
async function begin(client: OpenAI, model: string, replies: Reply[]) {
  env.model.script(model, ...replies);
  const { id: assistant_id } = await client.beta.assistants.create({ model });
  const thread = { messages: [{ role: 'user' as const, content: 'Hi' }] };
  return Promise.all(replies.map(() => client.beta.threads.createAndRun({ assistant_id, thread })));
}

async function completed(client: OpenAI, runs: { id: string; thread_id: string }[]) {
  for (const { id, thread_id } of runs) {
    const status = async () => (await client.beta.threads.runs.retrieve(id, { thread_id })).status;
    await expect.poll(status, { timeout: 30_000 }).toBe('completed');
  }
}

/** A turn of a worker that was too late with its heartbeats is begun again. */
const asked = (model: string) => env.model.requests(model).filter(({ aborted }) => !aborted).length;

/** What changes the runs waits until the returned function was called. */
async function lock(runs: { id: string }[]): Promise<() => Promise<void>> {
  const client = await env.pool.connect();
  await client.query('begin');
  await client.query('select from runs where id = any($1) for update', [runs.map(({ id }) => id)]);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

test('a run begins its turn while slow runs of another project have all slots that it can have', async () => {
  const slow = Array.from({ length: SLOTS + 20 }, () => hold(text('Hi.'), { afterChunks: 0 }));
  const runs = await begin(
    env.client,
    'a',
    slow.map(({ reply }) => reply),
  );
  await env.startWorker();
  // Alone, the project has every slot.
  await env.model.until(() => asked('a') === SLOTS, 60_000);
  await completed(other, await begin(other, 'b', [text('Hi.')]));
  expect(asked('a')).toBe(SLOTS);
  for (const held of slow) held.release();
  await completed(env.client, runs);
  expect(asked('a')).toBe(runs.length);
});

test('a run begins its turn while the beginnings of another project wait for the database', async () => {
  const runs = await begin(
    env.client,
    'a',
    Array.from({ length: 30 }, () => text('Hi.')),
  );
  const unlock = await lock(runs);
  await env.startWorker();
  await expect.poll(() => countBlocked(env.pool), { timeout: 30_000 }).toBe(4);
  await completed(other, await begin(other, 'b', [text('Hi.')]));
  expect(await countBlocked(env.pool)).toBe(4);
  await unlock();
  await completed(env.client, runs);
});

test('a run completes while another project waits for the database with all connections that it can have', async () => {
  const answers = Array.from({ length: 30 }, () => hold(text('Hi.'), { afterChunks: 0 }));
  const runs = await begin(
    env.client,
    'a',
    answers.map(({ reply }) => reply),
  );
  await env.startWorker();
  await env.model.until(() => asked('a') === runs.length, 30_000);
  const unlock = await lock(runs);
  for (const held of answers) held.release();
  await expect.poll(() => countBlocked(env.pool), { timeout: 30_000 }).toBe(13);
  await completed(other, await begin(other, 'b', [text('Hi.')]));
  expect(await countBlocked(env.pool)).toBe(13);
  await unlock();
  await completed(env.client, runs);
});
