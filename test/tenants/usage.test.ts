import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createRequestCounter } from '../../api/limits/request-counter.ts';
import type { UsageBucket, UsageResult } from '../../wire/admin/answers.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { sumRowBytes } from '../../db/projects/stored-bytes.ts';
import { sumUsage } from '../../db/projects/usage.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { readyToRun, tenantOf } from './support.ts';
import type { Tenant } from './support.ts';

let env: Environment;
let adminKey: string;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
  const admin = { projectName: 'admins', name: 'admin', scopes: SCOPES };
  adminKey = await createApiKey(env.pool, admin);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

type Page = { data: UsageBucket[]; has_more: boolean; next_page: number | null };

async function usage(query: string): Promise<Page> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await env.fetch(`/v1/threadmill/usage?${query}`, { headers });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Page;
}

async function today({ project }: Tenant, query = ''): Promise<UsageResult[]> {
  const { data } = await usage(`project_id=${project}${query}`);
  expect(data.slice(0, -1).flatMap(({ results }) => results)).toEqual([]);
  return data.at(-1)!.results;
}

const tokens = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const details = {
  prompt_tokens_details: { cached_tokens: 60 },
  completion_tokens_details: { reasoning_tokens: 5 },
};

test('runs, tokens and seconds of cells count exactly for the project and the key of the run', async () => {
  const caller = await tenantOf(env, {}, env.api);
  const call = toolCalls([{ name: 'code_interpreter', arguments: { code: 'print(1)' } }], {
    usage: { ...tokens, ...details },
  });
  const body = await readyToRun(env, caller, call, text('One.', { usage: tokens }));
  const tools = [{ type: 'code_interpreter' as const }];
  await caller.clients[0].beta.threads.createAndRunPoll({ ...body, tools });
  const exact = { runs: 1, prompt_tokens: 200, cached_tokens: 60, completion_tokens: 40 };
  const find = async () =>
    (await today(caller, '&group_by[]=project_id&group_by[]=api_key_id')).find(
      ({ api_key_id }) => api_key_id === caller.key,
    )!;
  const found = await find();
  expect(found).toMatchObject({ ...exact, reasoning_tokens: 5, project_id: caller.project });
  expect(found.sandbox_seconds).toBeGreaterThan(0);
  // What was summed up and what was not count together, once.
  await sumRowBytes(env.pool);
  await sumUsage(env.pool);
  expect(await find()).toMatchObject({ ...exact, sandbox_seconds: found.sandbox_seconds });
  const stored = (await today(caller)).map(({ stored_bytes }) => stored_bytes);
  expect(stored[0]).toBeGreaterThan(0);
});

test('requests are counted by key, soon, and tokens that pass to a model server by project', async () => {
  const caller = await tenantOf(env, {}, env.api);
  const model = `m-${randomUUID()}`;
  env.model.script(model, text('Hello.', { usage: tokens }));
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const passed = await caller.clients[0].chat.completions.create({ model, messages, stream: true });
  for await (const _ of passed);
  for (let n = 0; n < 4; n++) await caller.clients[0].models.list();
  await expect
    .poll(() => today(caller, `&api_key_id=${caller.key}`), { timeout: 15_000 })
    .toMatchObject([{ requests: 5, prompt_tokens: 0 }]);
  expect(await today(caller)).toMatchObject([{ requests: 5, ...exactly(tokens) }]);
});

const exactly = ({ prompt_tokens, completion_tokens }: typeof tokens) => ({
  prompt_tokens,
  completion_tokens,
});

test('requests that cannot be counted are counted later, once', async () => {
  const tenant = await tenantOf(env, {}, env.api);
  const counter = createRequestCounter(env.pool, env.log);
  counter.add(tenant);
  await env.pool.query('alter table usage_changes rename to away');
  await counter[Symbol.asyncDispose]();
  await env.pool.query('alter table away rename to usage_changes');
  counter.add(tenant);
  await counter[Symbol.asyncDispose]();
  await counter[Symbol.asyncDispose]();
  expect(await today(tenant)).toMatchObject([{ requests: 2 }]);
});

test('days come as pages of buckets, and only administrators get them', async () => {
  const day = 86_400;
  const first = await usage(`start_time=${10 * day + 5}&end_time=${13 * day}&limit=2`);
  expect(first.data.map(({ start_time, results }) => [start_time / day, results])).toEqual([
    [10, []],
    [11, []],
  ]);
  expect(first).toMatchObject({ has_more: true, next_page: 12 * day });
  const last = await usage(`end_time=${13 * day}&limit=2&page=${first.next_page}`);
  expect(last).toMatchObject({
    data: [{ start_time: 12 * day }],
    has_more: false,
    next_page: null,
  });
  expect((await env.fetch('/v1/threadmill/usage')).status).toBe(403);
});

test('an administrator changes the limits of a project, and the change is in the audit log', async () => {
  const caller = await tenantOf(env, {}, env.api);
  const change = async (limits: object) => {
    const answer = await env.fetch(`/v1/threadmill/projects/${caller.project}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ limits }),
    });
    return [answer.status, ((await answer.json()) as { limits?: object }).limits];
  };
  expect(await change({ runs_at_once: 5, quota_bytes: 0 })).toEqual([
    200,
    { runs_at_once: 5, quota_bytes: 0 },
  ]);
  expect(await change({ runs_at_once: null })).toEqual([200, { quota_bytes: 0 }]);
  expect((await change({ runs_at_once: -1 }))[0]).toBe(400);
  expect((await change({ runs: 1 }))[0]).toBe(400);
  const { rows } = await env.pool.query(
    `select resource_id from audit_events where project_id = $1 and type = 'project.updated'`,
    [caller.project],
  );
  expect(rows).toEqual([{ resource_id: caller.project }, { resource_id: caller.project }]);
});
