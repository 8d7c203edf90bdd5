import { randomUUID } from 'node:crypto';

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import type { OwnedLimit } from '../../api/limits/owners.ts';
import { createRates } from '../../api/limits/rates.ts';
import type { Pool } from '../../db/core/pool.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { changeLimits } from '../../db/projects/limits.ts';
import { duration } from '../../wire/errors/limit-errors.ts';
import type { LimitsChange } from '../../wire/admin/project-limits.ts';
import type { Caller } from '../../wire/admin/scopes.ts';
import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import { chargedAs, readyToRun, tenantOf } from './support.ts';

let env: Environment;
let secondApi: RunningApi;
beforeAll(async () => {
  env = await Environment.start();
  secondApi = await env.startApi();
});
afterAll(async () => {
  await secondApi.close();
  await env[Symbol.asyncDispose]();
});

const tenant = (limits: LimitsChange, projectName?: string) =>
  tenantOf(env, limits, secondApi, projectName);

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => {
      expect(error).toBeInstanceOf(OpenAI.RateLimitError);
      return error as InstanceType<typeof OpenAI.RateLimitError>;
    },
  );

test('requests beyond the limit of a project are refused by all API processes together', async () => {
  const { clients } = await tenant({ requests_per_minute: 4 });
  const answers = [];
  for (let n = 0; n < 8; n++) answers.push(await refusalOf(clients[n % 2]!.models.list()));
  expect(answers.filter((refusal) => refusal === undefined)).toHaveLength(4);
  const refusal = answers.at(-1)!;
  expect(refusal).toMatchObject({
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    param: null,
  });
  expect(refusal.message).toMatch(
    /^429 Rate limit reached for this project on requests per min \(RPM\): Limit 4, Used 4, Requested 1\. Please try again in 1\d(\.\d+)?s\.$/,
  );
  const header = (name: string) => refusal.headers.get(name);
  expect(header('x-ratelimit-limit-requests')).toBe('4');
  expect(header('x-ratelimit-remaining-requests')).toBe('0');
  expect(header('x-ratelimit-reset-requests')).toMatch(/^\d+(\.\d+)?s$/);
  expect(Number(header('retry-after'))).toBe(Math.ceil(Number(header('retry-after-ms')) / 1_000));
  expect(header('x-request-id')).toMatch(/^req_/);
  expect(header('openai-version')).toBe('2020-10-01');
});

test('an answer shows the limit, what remains of it, and when it is whole again', async () => {
  const { clients } = await tenant({ requests_per_minute: 10 });
  const { response } = await clients[0].models.list().withResponse();
  expect(response.headers.get('x-ratelimit-limit-requests')).toBe('10');
  expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('9');
  expect(response.headers.get('x-ratelimit-reset-requests')).toMatch(/^(6|5\.\d+)s$/);
});

test('the official client waits as long as a refusal says, and then gets its answer', async () => {
  const { clients, apiKey } = await tenant({ requests_per_minute: 75 });
  while ((await refusalOf(clients[0].models.list())) === undefined);
  const statuses: number[] = [];
  const patient = new OpenAI({
    baseURL: `${env.api.url}/v1`,
    apiKey,
    maxRetries: 2,
    fetch: async (...request) => {
      const response = await fetch(...request);
      statuses.push(response.status);
      return response;
    },
  });
  await patient.models.list();
  expect(statuses).toEqual([429, 200]);
});

test('a key has limits of its own, and other keys of its project go on', async () => {
  const projectName = `p-${randomUUID()}`;
  const limited = await tenant({}, projectName);
  const other = await tenant({}, projectName);
  await changeLimits(env.pool, { key: limited.key }, { requests_per_minute: 1 });
  await limited.clients[0].models.list();
  const refusal = await refusalOf(limited.clients[0].models.list());
  expect(refusal!.message).toContain('Rate limit reached for this API key on requests per min');
  for (let n = 0; n < 5; n++) await other.clients[0].models.list();
});

test('a limit that is changed holds in all processes soon, and goes with null', async () => {
  const { project, clients } = await tenant({});
  const limitOf = async (client: OpenAI) => {
    const { response } = await client.models.list().withResponse();
    return response.headers.get('x-ratelimit-limit-requests');
  };
  for (const [given, shown] of [
    [1_000, '1000'],
    [null, null],
  ] as const) {
    await changeLimits(env.pool, { project }, { requests_per_minute: given });
    const options = { timeout: 10_000, interval: 100 };
    for (const client of clients) {
      await vi.waitFor(async () => expect(await limitOf(client)).toBe(shown), options);
    }
  }
});

/** Counts the statements that a process of the API would make. */
function countingPool(): { pool: Pool; count: () => number } {
  let count = 0;
  const query = ((...statement: Parameters<Pool['query']>) => {
    count += 1;
    return env.pool.query(...statement);
  }) as unknown as Pool['query'];
  return { pool: { ...env.pool, query }, count: () => count };
}

test('neither a high limit nor a flood beyond one costs a statement a request', async () => {
  const { project } = await tenant({});
  const owned: OwnedLimit = { project, owner: project, noun: 'project', limit: 100_000 };
  const { pool, count } = countingPool();
  const rates = createRates(pool);
  for (let n = 0; n < 2_000; n++) expect(await rates.requests(owned)).toMatchObject({ waitMs: 0 });
  expect(count()).toBe(1);
  const small = { ...owned, owner: 'key_1' as Caller['key'], limit: 1 };
  for (let n = 0; n < 100; n++) await rates.requests(small);
  expect(count()).toBe(3);
});

test('without limits nothing is written of requests, streams and searches', async () => {
  const { project, clients, ...rest } = await tenant({});
  const body = await readyToRun(env, { project, clients, ...rest }, text('Hello.'));
  for await (const _ of await clients[0].beta.threads.createAndRun({ ...body, stream: true }));
  const { rows } = await env.pool.query(
    `select owner from rate_buckets where project_id = $1 union all select owner from limit_slots where project_id = $1`,
    [project],
  );
  expect(rows).toEqual([]);
});

test('tokens of a run are charged when its turn is stored, and later runs wait', async () => {
  const caller = await tenant({ tokens_per_minute: 100 });
  const usage = { prompt_tokens: 400, completion_tokens: 50, total_tokens: 450 };
  const body = await readyToRun(env, caller, text('Hello.', { usage }));
  const [first, second] = caller.clients;
  await first.beta.threads.createAndRunPoll(body);
  const refusal = await refusalOf(second.beta.threads.createAndRun(body));
  expect(refusal).toMatchObject({ type: 'tokens', code: 'rate_limit_exceeded' });
  expect(refusal!.message).toMatch(
    /on tokens per min \(TPM\): Limit 100, Used 4(50|4\d), Requested 1\. Please try again in 3m\d/,
  );
  expect(refusal!.headers.get('x-ratelimit-limit-tokens')).toBe('100');
  expect(refusal!.headers.get('x-ratelimit-remaining-tokens')).toBe('0');
  // What spends no tokens goes on.
  await second.models.list();
});

test('tokens that pass to a model server are charged too', async () => {
  const { clients, project } = await tenant({ tokens_per_minute: 100 });
  const model = `m-${randomUUID()}`;
  const usage = { prompt_tokens: 90, completion_tokens: 30, total_tokens: 120 };
  env.model.script(model, text('Hello.', { usage }));
  const ask = (client: OpenAI) =>
    client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
  for await (const _ of await ask(clients[0]));
  await vi.waitFor(async () => expect(await chargedAs(env.pool, project)).toBeGreaterThan(100));
  expect(await refusalOf(ask(clients[1]))).toMatchObject({ type: 'tokens' });
});

test('two API processes do not start more runs at once than the project may have', async () => {
  const caller = await tenant({ runs_at_once: 2 });
  const held = Array.from({ length: 2 }, () => hold(text('Hello.'), { afterChunks: 0 }));
  const body = await readyToRun(env, caller, ...held.map(({ reply }) => reply), text('Third.'));
  const before = await threadsOf(caller);
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      refusalOf(caller.clients[n % 2]!.beta.threads.createAndRun(body)),
    ),
  );
  const refusals = answers.filter((answer) => answer !== undefined);
  expect(refusals).toHaveLength(6);
  expect(refusals[0]!.message).toBe(
    '429 Rate limit reached for this project on runs at once: Limit 2, Used 2, Requested 1. Please try again in 1s.',
  );
  expect(refusals[0]!.headers.get('retry-after')).toBe('1');
  expect((await threadsOf(caller)) - before).toBe(2);
  for (const one of held) one.release();
  const patient = caller.clients[0].withOptions({ maxRetries: 5 });
  expect((await patient.beta.threads.createAndRunPoll(body)).status).toBe('completed');
});

async function threadsOf({ project }: Caller): Promise<number> {
  const { rows } = await env.pool.query<{ count: number }>(
    'select count(*) from threads where project_id = $1',
    [project],
  );
  return rows[0]!.count;
}

test('streams at once are counted over all processes, until they are closed or their process is gone', async () => {
  const caller = await tenant({ streams_at_once: 1 });
  const held = hold(text('Hello.'), { afterChunks: 0 });
  onTestFinished(() => held.release());
  const body = await readyToRun(env, caller, held.reply);
  const [first, second] = caller.clients;
  const stream = await first.beta.threads.createAndRun({ ...body, stream: true });
  const threads = await threadsOf(caller);
  const next = () => second.beta.threads.createAndRun({ ...body, stream: true });
  expect((await refusalOf(next()))!.message).toContain('on streams at once: Limit 1, Used 1');
  expect(await threadsOf(caller)).toBe(threads);

  // As if the first process had been killed: nobody renews its slot.
  await env.pool.query('update limit_slots set until = clock_timestamp() where project_id = $1', [
    caller.project,
  ]);
  const third = await second.beta.threads.createAndRun({
    ...(await readyToRun(env, caller, held.reply)),
    stream: true,
  });
  stream.controller.abort();
  third.controller.abort();
  await vi.waitFor(async () => {
    const { rows } = await env.pool.query('select n from limit_slots where project_id = $1', [
      caller.project,
    ]);
    expect(rows).toEqual([]);
  });
});

test('streams that pass to a model server are streams at once too', async () => {
  const { clients } = await tenant({ streams_at_once: 1 });
  const model = `m-${randomUUID()}`;
  const held = hold(text('Hello.'), { afterChunks: 1 });
  env.model.script(model, held.reply, text('Second.'), text('Third.'));
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const ask = (client: OpenAI) => client.chat.completions.create({ model, messages, stream: true });
  const first = await ask(clients[0]);
  const refusal = await refusalOf(ask(clients[1]));
  expect(refusal!.message).toContain('on streams at once: Limit 1, Used 1');
  expect(env.model.requests(model)).toHaveLength(1);
  held.release();
  for await (const _ of first);
  await vi.waitFor(async () => expect(await refusalOf(ask(clients[1]))).toBeUndefined());
});

test('the limits of a key are changed by an administrator, and hold for that key', async () => {
  const { clients, key } = await tenant({});
  const options = { projectName: `admin-${randomUUID()}`, name: 'admin' };
  const admin = env.clientFor(await createApiKey(env.pool, { ...options, scopes: ['admin'] }));
  const change = (limits: object) => admin.post(`/threadmill/keys/${key}`, { body: { limits } });
  expect(await change({ requests_per_minute: 1, runs_at_once: 2 })).toMatchObject({
    id: key,
    limits: { requests_per_minute: 1, runs_at_once: 2 },
  });
  await vi.waitFor(
    async () => expect(await refusalOf(clients[0].models.list())).toBeInstanceOf(Error),
    { timeout: 10_000 },
  );
  expect(await change({ requests_per_minute: null })).toMatchObject({
    limits: { runs_at_once: 2 },
  });
  await expect(change({ quota_bytes: 1 })).rejects.toMatchObject({ status: 400 });
  await expect(
    admin.post('/threadmill/keys/key_none', { body: { limits: {} } }),
  ).rejects.toMatchObject({ status: 404 });
});

test('a search beyond the searches at once is refused, and the one before it is answered', async () => {
  const caller = await tenant({ searches_at_once: 1 });
  const [first, second] = caller.clients;
  const store = await first.vectorStores.create({ name: 'empty' });
  const lock = await env.pool.connect();
  await lock.query('begin; lock table vector_stores in access exclusive mode');
  const searching = first.vectorStores.search(store.id, { query: 'anything' });
  await vi.waitFor(async () => {
    const { rows } = await env.pool.query('select n from limit_slots where project_id = $1', [
      caller.project,
    ]);
    expect(rows).toHaveLength(1);
  });
  expect(
    await refusalOf(second.vectorStores.search(store.id, { query: 'anything' })),
  ).toBeDefined();
  await lock.query('rollback');
  lock.release();
  expect((await searching).data).toEqual([]);
});

test.each([
  [0, '0ms'],
  [0.2, '1ms'],
  [20, '20ms'],
  [1_500, '1.5s'],
  [20_000, '20s'],
  [360_000, '6m0s'],
  [3_725_250, '1h2m5.25s'],
])('%d ms are written as hosted: %s', (ms, written) => {
  expect(duration(ms)).toBe(written);
});
