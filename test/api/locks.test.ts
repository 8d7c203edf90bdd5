/** Locks that others hold, and clients that leave: who waits, how long, and who does not. */
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { eventually } from '../support/durable-run.ts';
import { lock, untilBlocked } from '../support/locks.ts';

let env: Environment;
let held: Client | undefined;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(() => env[Symbol.asyncDispose]());

const hold = async (statement: string, values: string[] = []) =>
  (held = await lock(env, statement, values));
const release = async () => {
  await held?.end();
  held = undefined;
};
afterEach(release);

const newThread = async (client = env.client) => (await client.beta.threads.create()).id;
const say = (thread: string) =>
  env.fetch(`/v1/threads/${thread}/messages`, {
    method: 'POST',
    body: JSON.stringify({ role: 'user', content: 'Hi' }),
  });

/** Everything of ours that the database is doing or waiting with. */
async function statements(): Promise<string[]> {
  const { rows } = await env.pool.query<{ query: string }>(
    `select query from pg_stat_activity where datname = current_database() and state <> 'idle'
       and application_name = 'threadmill-api'`,
  );
  return rows.map(({ query }) => query);
}

async function expectRefused(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('2');
  expect(await response.json()).toEqual({
    error: {
      message:
        'The request could not be done in time, because what it needs is in use. Please try again.',
      type: 'server_error',
      param: null,
      code: 'unavailable',
    },
  });
}

test('a locked thread refuses its own requests in time, and holds up no other', async () => {
  const [locked, other] = [await newThread(), await newThread()];
  await hold('select from threads where id = $1 for update', [locked]);
  const started = performance.now();
  const refused = Array.from({ length: 30 }, () => expectRefused(say(locked)));
  await untilBlocked(env, 'from threads where id', 4);
  for (let count = 0; count < 10; count++) {
    expect((await say(other)).status).toBe(200);
    expect((await env.fetch(`/v1/threads/${locked}`)).status).toBe(200);
  }
  expect(performance.now() - started).toBeLessThan(5_000);
  await Promise.all(refused);
  // Five seconds for a connection, and for a row's lock twice: in its queue, and at its head.
  expect(performance.now() - started).toBeLessThan(18_000);
  await release();
  expect((await env.client.beta.threads.messages.list(locked)).data).toEqual([]);
  expect((await say(locked)).status).toBe(200);
});

test('a project whose requests all wait leaves connections to the others', async () => {
  const threads = await Promise.all(Array.from({ length: 30 }, () => newThread()));
  const neighbour = await env.otherClient();
  await hold('select from threads where id = any($1) for update', [threads as never]);
  const refused = threads.map((thread) => expectRefused(say(thread)));
  await untilBlocked(env, 'from threads where id', 13);
  const started = performance.now();
  for (let count = 0; count < 10; count++) await newThread(neighbour);
  expect(performance.now() - started).toBeLessThan(4_000);
  await Promise.all(refused);
  await release();
  expect((await say(threads[0]!)).status).toBe(200);
});

test('a locked table refuses what reads and writes it, and nothing else', async () => {
  const thread = await newThread();
  await hold('lock table messages in access exclusive mode');
  const started = performance.now();
  const refused = [
    expectRefused(say(thread)),
    expectRefused(env.fetch(`/v1/threads/${thread}/messages`)),
  ];
  await untilBlocked(env, 'from messages', 1);
  await newThread();
  await Promise.all(refused);
  expect(performance.now() - started).toBeLessThan(25_000);
  await eventually(async () => expect(await statements()).toEqual([]));
  await release();
  expect((await say(thread)).status).toBe(200);
});

test.each([
  // Half of the slots for answers.
  { what: 'a list', table: 'files', blocked: 8, request: () => ['/v1/files', {}] as const },
  {
    what: 'a search',
    table: 'vector_store_files',
    // Two thirds of the connections.
    blocked: 13,
    request: async () => {
      const { id } = await env.client.vectorStores.create({ name: 'S' });
      const body = JSON.stringify({ query: 'x' });
      return [`/v1/vector_stores/${id}/search`, { method: 'POST', body }] as const;
    },
  },
])(
  '$what whose client leaves is given up by the database too',
  async ({ table, blocked, request }) => {
    const [path, init] = await request();
    await hold(`lock table ${table} in access exclusive mode`);
    const leaving = new AbortController();
    const left = Array.from({ length: 30 }, () =>
      env.fetch(path, { ...init, signal: leaving.signal }),
    );
    await untilBlocked(env, table, blocked);
    leaving.abort();
    await Promise.all(left.map((answer) => expect(answer).rejects.toThrow('aborted')));
    // The lock is still held: nothing but a cancel ends a statement that waits for it.
    await expect.poll(statements, { timeout: 4_000 }).toEqual([]);
    await release();
    const answers = await Promise.all(Array.from({ length: 30 }, () => env.fetch(path, init)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  },
);

test('a write whose client leaves has its effect all the same', async () => {
  const thread = await newThread();
  await hold('select from threads where id = $1 for update', [thread]);
  const leaving = new AbortController();
  const left = env.fetch(`/v1/threads/${thread}`, {
    method: 'POST',
    body: JSON.stringify({ metadata: { written: 'yes' } }),
    signal: leaving.signal,
  });
  await untilBlocked(env, 'update threads', 1);
  leaving.abort();
  await expect(left).rejects.toThrow('aborted');
  await release();
  await eventually(async () =>
    expect((await env.client.beta.threads.retrieve(thread)).metadata).toEqual({ written: 'yes' }),
  );
});
