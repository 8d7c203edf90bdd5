/** A key that is revoked or expires ends what it has open, in every API process. Its runs go on. */
import { randomUUID } from 'node:crypto';

import { toFile } from 'openai';
import type OpenAI from 'openai';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import { Environment } from '../support/environment.ts';
import { chunk, event, FakeUpstream } from '../support/fake-upstream.ts';
import { hold, text } from '../support/fake-model.ts';
import { readEvents } from '../support/legal-stream.ts';
import { setUp } from '../support/runs.ts';

let env: Environment;
let upstream: FakeUpstream;
let second: RunningApi;
let admin: OpenAI;
beforeAll(async () => {
  upstream = await FakeUpstream.start();
  env = await Environment.start({
    config: { models: [{ id: 'passed', base_url: upstream.baseUrl }] },
  });
  second = await env.startApi();
  const key = { projectName: 'operators', name: 'admin', scopes: SCOPES };
  admin = env.clientFor(await createApiKey(env.pool, key));
});
afterAll(async () => {
  await second.close();
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

/** A key of the project of `env.client`, and how it is revoked through the other API process. */
async function newKey() {
  const name = randomUUID();
  const value = await createApiKey(env.pool, { projectName: 'test', name });
  const { rows } = await env.pool.query<{ id: string }>('select id from api_keys where name = $1', [
    name,
  ]);
  const { id } = rows[0]!;
  return { id, value, revoke: () => admin.delete(`/threadmill/keys/${id}`) };
}

const get = (api: RunningApi, path: string, key: string, init: RequestInit = {}) =>
  fetch(`${api.url}/v1${path}`, {
    ...init,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });

/** A run whose model has said two words and waits. */
async function heldRun() {
  const held = hold(text('One two three.'), { afterChunks: 2 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const { runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id });
  await held.reached;
  return { held, run, path: `/threads/${threadId}/runs/${run.id}/events` };
}

const ENDED = {
  message: 'The API key of this stream was revoked or has expired. The run goes on.',
  type: 'invalid_request_error',
  param: null,
  code: 'invalid_api_key',
};

/** The last event of a stream that ends. */
async function endOf(response: Response): Promise<{ event: string; data: unknown }> {
  let last = { event: '', data: null as unknown };
  for await (const { event: name, data } of readEvents(response)) last = { event: name, data };
  return last;
}

test('revoking a key ends its streams in another API process with an error event, and the run goes on', async () => {
  const key = await newKey();
  const { held, run, path } = await heldRun();
  const streams = await Promise.all([
    get(env.api, path, key.value),
    get(second, path, key.value),
    get(second, path, key.value),
  ]);
  const others = await get(second, path, env.apiKey);
  const ends = streams.map(endOf);
  await key.revoke();
  expect(await Promise.all(ends)).toEqual(
    streams.map(() => ({ event: 'error', data: { error: ENDED } })),
  );
  await expect.poll(async () => (await get(second, path, key.value)).status).toBe(401);
  held.release();
  expect((await endOf(others)).event).toBe('done');
  expect(
    (await env.client.beta.threads.runs.retrieve(run.id, { thread_id: run.thread_id })).status,
  ).toBe('completed');
});

test('a key that expires ends its streams, which the official client reports as an error', async () => {
  const key = await newKey();
  const { held, run } = await heldRun();
  const { runs } = env.clientFor(key.value, second).beta.threads;
  const events = await env
    .clientFor(key.value, second)
    .get<AsyncIterable<unknown>>(`/threads/${run.thread_id}/runs/${run.id}/events`, {
      stream: true,
    });
  expect((await runs.retrieve(run.id, { thread_id: run.thread_id })).status).toBe('in_progress');
  await env.pool.query('update api_keys set expires_at = unix_now() where id = $1', [key.id]);
  await expect(
    (async () => {
      for await (const _ of events);
    })(),
  ).rejects.toThrow(ENDED.message);
  held.release();
});

test('what passes through and what is downloaded is cut without an end', async () => {
  const key = await newKey();
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(chunk('One')));
  };
  const body = JSON.stringify({ model: 'passed', messages: [], stream: true });
  const passed = await get(second, '/chat/completions', key.value, { method: 'POST', body });
  const reader = passed.body!.getReader();
  expect(String(Buffer.from((await reader.read()).value!))).toContain('One');
  const file = await env.client.files.create({
    file: await toFile(Buffer.alloc(30_000_000), 'large.bin'),
    purpose: 'user_data',
  });
  const download = await get(second, `/files/${file.id}/content`, key.value);
  await key.revoke();
  await expect(reader.read()).rejects.toThrow('terminated');
  expect(await upstream.last.closed).toBe(true);
  await expect(download.arrayBuffer()).rejects.toThrow('terminated');
});

test('one statement a second watches all streams of a process', async () => {
  const keys = await Promise.all([newKey(), newKey(), newKey()]);
  const { held, path } = await heldRun();
  const open = await Promise.all(
    keys.flatMap(({ value }) => [1, 2, 3, 4].map(() => get(second, path, value))),
  );
  const counted = await countChecks(3);
  for (const { keys: asked } of counted) expect(asked).toBeLessThanOrEqual(keys.length);
  expect(Math.max(...counted.map(({ keys: asked }) => asked))).toBe(keys.length);
  held.release();
  for (const stream of open) expect((await endOf(stream)).event).toBe('done');
});

/** The next `count` looks at open keys, of both API processes of this test. */
async function countChecks(count: number): Promise<{ keys: number }[]> {
  const checks: { keys: number }[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
  const original = pg.Client.prototype.query;
  const define = (value: unknown) =>
    Object.defineProperty(pg.Client.prototype, 'query', {
      value,
      configurable: true,
      writable: true,
    });
  define(function (this: pg.Client, ...args: unknown[]): unknown {
    const [statement] = args as [{ name?: string; values?: unknown[][] }];
    if (statement.name === 'api-keys.active') checks.push({ keys: statement.values![0]!.length });
    return Reflect.apply(original, this, args);
  });
  try {
    await expect.poll(() => checks.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
  } finally {
    define(original);
  }
  return checks;
}
