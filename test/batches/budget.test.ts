/** What a batch may spend: its own budget and its project's, and what is shown of the cost. */
import type OpenAI from 'openai';
import type { Batch } from 'openai/resources/batches';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold, status, text } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { questions, resultsOf, submit, untilStatus } from './support.ts';
import type { InputLine } from './support.ts';

const USAGE = {
  prompt_tokens: 1_000,
  completion_tokens: 100,
  total_tokens: 1_100,
  prompt_tokens_details: { cached_tokens: 400 },
  completion_tokens_details: { reasoning_tokens: 30 },
};
const PRICE = { input: 2, cached_input: 1, output: 10, reasoning: 20 };
/** (600 * 2 + 400 * 1 + 70 * 10 + 30 * 20) / 1,000,000 */
const COST = 0.0029;

let env: Environment;
beforeAll(async () => {
  const models = ['a', 'b', 'c', 'd', 'e', 'f', 'dry'].map((id) => ({ id, price: PRICE }));
  env = await Environment.start({ config: { models } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const yes = () => text('Yes.', { usage: USAGE });

async function lines(model: string, count: number, replies: Reply[], client: OpenAI = env.client) {
  env.model.script(model, ...replies);
  const { id } = await client.beta.assistants.create({ model });
  return questions(
    id,
    Array.from({ length: count }, (_, index) => `Question ${index}`),
  );
}

const change = (id: string, settings: object) =>
  env.fetch(`/v1/batches/${id}`, {
    method: 'POST',
    body: JSON.stringify({ 'x-threadmill': settings }),
  });

const settingsOf = (batch: Batch) =>
  (batch as Batch & { 'x-threadmill': Record<string, unknown> })['x-threadmill'];

const codesOf = async (client: OpenAI, batch: Batch) =>
  (await resultsOf(client, batch.error_file_id)).map(({ custom_id, error }) => [
    custom_id,
    error?.code,
  ]);

const untilPaused = (client: OpenAI, id: string) =>
  eventually(async () => {
    const batch = await client.batches.retrieve(id);
    expect(settingsOf(batch)).toMatchObject({ paused: true, pause_reason: 'budget_exceeded' });
    return batch;
  });

test('a batch shows its tokens and what they cost, with cached input and reasoning priced', async () => {
  const first = hold(yes(), { afterChunks: 0 });
  const input = await lines('a', 2, [yes(), first.reply]);
  const { id } = await submit(env.client, input, { window: 1 });
  await first.reached;
  const running = await env.client.batches.retrieve(id);
  expect(settingsOf(running)).toMatchObject({
    cost_usd: COST,
    budget: { tokens: null, usd: null, on_exceeded: 'pause' },
  });
  first.release();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(settingsOf(batch)['cost_usd']).toBeCloseTo(2 * COST, 10);
  expect(batch.usage).toEqual({
    input_tokens: 2_000,
    input_tokens_details: { cached_tokens: 800 },
    output_tokens: 200,
    output_tokens_details: { reasoning_tokens: 60 },
    total_tokens: 2_200,
  });
});

test('a batch that ends at its budget reports the other lines as budget_exceeded', async () => {
  const input = await lines('b', 5, [yes(), yes()]);
  const budget = { tokens: 2_200, on_exceeded: 'end' };
  const { id } = await submit(env.client, input, { window: 1, budget });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 5, completed: 2, failed: 3 });
  expect(await codesOf(env.client, batch)).toEqual([
    ['q2', 'budget_exceeded'],
    ['q3', 'budget_exceeded'],
    ['q4', 'budget_exceeded'],
  ]);
  expect(env.model.requests('b')).toHaveLength(2);
});

test('a batch pauses at its budget with the lines in flight, and goes on with a larger one', async () => {
  const held = Array.from({ length: 3 }, () => hold(yes(), { afterChunks: 0 }));
  const replies = [...held.map(({ reply }) => reply), yes(), yes(), yes()];
  const input = await lines('c', 6, replies);
  const { id } = await submit(env.client, input, { window: 3, budget: { usd: COST } });
  await Promise.all(held.map(({ reached }) => reached));
  for (const one of held) one.release();
  const paused = await untilPaused(env.client, id);
  expect(paused.status).toBe('in_progress');
  await eventually(async () =>
    expect((await env.client.batches.retrieve(id)).request_counts!.completed).toBe(3),
  );
  expect(env.model.requests('c')).toHaveLength(3);
  // Without a larger budget it pauses again, and nothing has started.
  expect((await change(id, { paused: false })).status).toBe(200);
  await untilPaused(env.client, id);
  expect(env.model.requests('c')).toHaveLength(3);
  await change(id, { paused: false, budget: { usd: 1, on_exceeded: 'end' } });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 6, completed: 6, failed: 0 });
  expect(env.model.requests('c')).toHaveLength(6);
  expect(settingsOf(batch)['cost_usd']).toBeCloseTo(6 * COST, 10);
});

test('a batch whose model has no quota left pauses, and its turns go on after the resume', async () => {
  const spent = status(429, {
    body: { error: { message: 'You exceeded your quota.', code: 'insufficient_quota' } },
  });
  const input = await lines('f', 4, [yes(), spent, yes(), yes(), yes()]);
  const { id } = await submit(env.client, input, { window: 1 });
  await eventually(async () =>
    expect(settingsOf(await env.client.batches.retrieve(id))).toMatchObject({
      pause_reason: 'insufficient_quota',
    }),
  );
  await eventually(async () => {
    const { rows } = await env.pool.query(
      'select 1 from batch_lines where batch_id = $1 and held',
      [id],
    );
    expect(rows).toHaveLength(1);
  });
  expect(env.model.requests('f')).toHaveLength(2);
  await change(id, { paused: false });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 4, completed: 4, failed: 0 });
  expect(env.model.requests('f')).toHaveLength(5);
  // A run that is not of a batch fails.
  env.model.script('f', spent);
  const { status: end, last_error } = await env.client.beta.threads.createAndRunPoll(
    input[0]!.body as never,
  );
  expect([end, last_error?.code]).toEqual(['failed', 'rate_limit_exceeded']);
});

test('the budget of a project pauses its batches, whatever used it up', async () => {
  const other = await env.otherClient();
  const input = await lines('d', 2, [yes(), yes(), yes()], other);
  const { rows } = await env.pool.query<{ project_id: string }>(
    'select project_id from assistants where id = $1',
    [(input[0]!.body as { assistant_id: string }).assistant_id],
  );
  const limit = (limits: object) =>
    env.pool.query('update projects set limits = $2 where id = $1', [rows[0]!.project_id, limits]);
  await other.beta.threads.createAndRunPoll(input[0]!.body as never);
  await limit({ budget_usd: COST });
  const { id } = await submit(other, input);
  await untilPaused(other, id);
  expect(env.model.requests('d')).toHaveLength(1);
  await limit({ budget_usd: 0 });
  const body = { 'x-threadmill': { paused: false } };
  await other.post(`/batches/${id}`, { body });
  expect((await untilStatus(other, id, 'completed')).request_counts!.completed).toBe(2);
});

test('a budget in dollars needs models with prices', async () => {
  const input = await lines('without-price', 1, []);
  const { id } = await submit(env.client, input, { budget: { usd: 1 } });
  const batch = await untilStatus(env.client, id, 'failed');
  expect(batch.errors!.data).toMatchObject([
    { code: 'model_without_price', param: 'body.model', line: 1 },
  ]);
});

test.each([
  [{ usd: 0 }, 'x-threadmill.budget.usd', /decimal below minimum value\. Expected a value > 0,/],
  [{ usd: '5' }, 'x-threadmill.budget.usd'],
  [{ tokens: 1.5 }, 'x-threadmill.budget.tokens'],
  [{ on_exceeded: 'stop' }, 'x-threadmill.budget.on_exceeded'],
  [{ euros: 5 }, null],
])('the budget %j is refused', async (budget, param, message = /./) => {
  const input = await lines('e', 1, []);
  await expect(submit(env.client, input, { budget })).rejects.toMatchObject({
    status: 400,
    ...(param !== null && { param }),
    message: expect.stringMatching(message),
  });
});

test('a dry run reads the file, estimates tokens and cost, and runs no line', async () => {
  const { id } = await env.client.beta.assistants.create({
    model: 'dry',
    instructions: 'Be kind.',
  });
  env.model.script('dry', yes());
  const input = questions(
    id,
    Array.from({ length: 1_200 }, () => 'one two three four five six seven eight'),
  ).map((line) => ({ ...line, body: { ...line.body, max_completion_tokens: 300 } }));
  const batch = await dryRun(input);
  expect(batch).toMatchObject({
    status: 'completed',
    request_counts: { total: 1_200, completed: 0, failed: 0 },
    output_file_id: null,
    error_file_id: null,
    'x-threadmill': { dry_run: true, cost_usd: 0 },
  });
  const estimate = settingsOf(batch).estimate as Record<string, number>;
  expect(estimate).toMatchObject({
    requests: 1_200,
    sampled_requests: 400,
    max_output_tokens: 360_000,
  });
  // Eight words and three of the assistant, beside the texts around them.
  expect(estimate.input_tokens! / 1_200).toBeGreaterThan(11);
  expect(estimate.input_tokens! / 1_200).toBeLessThan(60);
  expect(estimate.input_usd).toBeCloseTo((estimate.input_tokens! * 2) / 1_000_000, 6);
  expect(estimate.max_usd).toBeCloseTo(estimate.input_usd! + 3.6, 6);
  expect(env.model.requests('dry')).toEqual([]);
  expect(
    (await env.pool.query('select 1 from batch_lines where batch_id = $1', [batch.id])).rows,
  ).toEqual([]);
});

test('a dry run without bounds or prices says what is unknown, and one of a bad file what is wrong', async () => {
  const input = await lines('unpriced', 3, []);
  expect(settingsOf(await dryRun(input)).estimate).toMatchObject({
    requests: 3,
    sampled_requests: 3,
    max_output_tokens: null,
    input_usd: null,
    max_usd: null,
  });
  const bad = await dryRun(['{'], 'failed');
  expect(bad.errors!.data).toMatchObject([{ code: 'invalid_json_line', line: 1 }]);
  expect(settingsOf(bad).estimate).toBeNull();
});

async function dryRun(input: (InputLine | string)[], end: Batch['status'] = 'completed') {
  const { id } = await submit(env.client, input, {}, undefined, { query: { dry_run: true } });
  return untilStatus(env.client, id, end);
}
