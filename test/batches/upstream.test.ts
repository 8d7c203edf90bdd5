/** Turns of batches that their model server answers in batches of its own. */
import type OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { eventually, LOOKUP } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { FakeBatchApi, lastText, USAGE } from '../support/fake-batch-api.ts';
import { outputsFor } from '../support/runs.ts';
import { answerOf, questions, resultsOf, runOf, submit, untilStatus } from './support.ts';

/** Seconds left of a run whose turn is asked directly. */
const DIRECT_SECONDS = 100;
const SETTINGS = {
  modelBaseUrl: undefined,
  modelBatchGroupMs: 400,
  modelBatchPollMs: 20,
  modelBatchDirectSeconds: DIRECT_SECONDS,
};

let env: Environment;
let server: FakeBatchApi;
beforeAll(async () => {
  server = await FakeBatchApi.start();
  const models = [
    {
      id: 'tutor',
      base_url: server.upstream.baseUrl,
      upstream_model: 'up',
      batch: true,
      price: { input: 1_000, output: 2_000, batch: 0.5 },
    },
  ];
  env = await Environment.start({ config: { ...SETTINGS, models } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const { reply } = await FakeBatchApi.start().then(async (fresh) => {
  await fresh[Symbol.asyncDispose]();
  return fresh;
});
beforeEach(() => {
  Object.assign(server, { reply, end: 'completed', held: false, refusal: undefined });
  server.batches.length = 0;
  server.direct.length = 0;
  server.files.clear();
});

async function exercises(texts: string[], tools: OpenAI.Beta.AssistantTool[] = []) {
  const { id } = await env.client.beta.assistants.create({ model: 'tutor', tools });
  return questions(id, texts);
}

async function answersOf(batchId: string) {
  const batch = await untilStatus(env.client, batchId, 'completed');
  return { batch, lines: await resultsOf(env.client, batch.output_file_id) };
}

/** No row and no file of a batch at a model server is left, and no workflow that makes them. */
async function expectNothingLeft() {
  await eventually(async () => {
    const { rows } = await env.pool.query(
      `select (select count(*)::int from upstream_batches) as batches,
         (select count(*)::int from upstream_turns where state in ('pending', 'sent')) as turns`,
    );
    expect(rows).toEqual([{ batches: 0, turns: 0 }]);
    const handle = env.temporal.workflow.getHandle(`${env.config.taskQueue}-upstream:tutor`);
    expect((await handle.describe()).status.name).toBe('COMPLETED');
    expect([...server.files]).toEqual([]);
  });
}

/** All turns are at the model server, which has answered none. */
const untilSent = (count: number) => eventually(() => expect(server.lines).toHaveLength(count));

test('the turns of its lines go to the model server in batches, and each gets its own answer', async () => {
  const texts = ['one', 'two', 'three', 'four', 'five'];
  server.held = true;
  // The window is smaller: a line that waits for the model server takes no place of it.
  const { id } = await submit(env.client, await exercises(texts), { window: 2 });
  await untilSent(5);
  server.held = false;
  const { batch, lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(texts.map((one) => `Marked ${one}`));
  expect(server.direct).toEqual([]);
  expect(new Set(server.lines.map(({ custom_id }) => custom_id)).size).toBe(5);
  expect(server.batches[0]!.batch).toMatchObject({
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    metadata: { threadmill_turns: expect.any(String) },
  });
  for (const { custom_id, method, url, body } of server.lines) {
    expect({ custom_id, method, url }).toEqual({
      custom_id: expect.stringMatching(/^run_\w+#0$/),
      method: 'POST',
      url: '/v1/chat/completions',
    });
    expect(body.model).toBe('up');
    expect(body).not.toHaveProperty('stream');
  }
  expect(batch.usage).toMatchObject({ input_tokens: 5 * 11, output_tokens: 5 * 7 });
  // 11 * 1,000 and 7 * 2,000 dollars for a million tokens, and half of it in a batch.
  expect(batch).toMatchObject({ 'x-threadmill': { cost_usd: (5 * 0.025) / 2 } });
  expect(runOf(lines[0]!).usage).toMatchObject(USAGE);
  await expectNothingLeft();
});

test('runs that are not of a batch are asked directly', async () => {
  const { id: assistant_id } = await env.client.beta.assistants.create({ model: 'tutor' });
  const thread = { messages: [{ role: 'user' as const, content: 'now' }] };
  const run = await env.client.beta.threads.createAndRunPoll({ assistant_id, thread });
  expect(run.status).toBe('completed');
  expect(server.direct).toEqual(['now']);
  expect(server.batches).toEqual([]);
});

test('a turn that follows a function is in a later batch', async () => {
  server.reply = (body) =>
    body.messages.at(-1)!.role === 'tool' ? { text: 'Thanks.' } : { call: 'lookup' };
  const { id } = await submit(env.client, await exercises(['a', 'b'], [LOOKUP]));
  const waiting = await eventually(async () => {
    const response = await env.fetch(`/v1/batches/${id}/requires_action`);
    const { data } = (await response.json()) as { data: OpenAI.Beta.Threads.Run[] };
    expect(data).toHaveLength(2);
    return data;
  });
  for (const run of waiting) {
    const outputs = { thread_id: run.thread_id, tool_outputs: outputsFor(run) };
    await env.client.beta.threads.runs.submitToolOutputs(run.id, outputs);
  }
  const { lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(['Thanks.', 'Thanks.']);
  expect(server.direct).toEqual([]);
  const turns = server.lines.map(({ custom_id }) => custom_id.split('#')[1]);
  expect(turns.filter((turn) => turn === '1')).toHaveLength(2);
  expect(server.batches.length).toBeGreaterThanOrEqual(2);
});

test('a line that is missing, or that another try may help, is asked directly; one that is refused fails', async () => {
  server.reply = (body, inBatch) => {
    const asked = lastText(body);
    if (inBatch && asked === 'lost') return 'missing';
    if (inBatch && asked === 'late') return { error: 'batch_expired' };
    if (inBatch && asked === 'busy') return { refused: 429, code: 'rate_limit_exceeded' };
    if (inBatch && asked === 'empty') return { text: '' };
    if (asked === 'bad') return { refused: 400, code: 'invalid_value' };
    return { text: `Marked ${asked}` };
  };
  const texts = ['good', 'lost', 'late', 'busy', 'bad'];
  const { id } = await submit(env.client, await exercises(texts));
  const { batch, lines } = await answersOf(id);
  expect(batch.request_counts).toEqual({ total: 5, completed: 4, failed: 1 });
  expect(lines.map(answerOf)).toEqual(
    ['good', 'lost', 'late', 'busy'].map((one) => `Marked ${one}`),
  );
  expect(server.direct.toSorted()).toEqual(['busy', 'late', 'lost']);
  const [error] = await resultsOf(env.client, batch.error_file_id);
  expect(error).toMatchObject({ custom_id: 'q4', error: { code: 'invalid_prompt' } });
});

test.each([['expired' as const], [{ failed: 'invalid_request' }]])(
  'the turns of a batch that ended as %o without them are asked directly',
  async (end) => {
    server.end = end;
    server.reply = (body, inBatch) => (inBatch ? 'missing' : { text: `Marked ${lastText(body)}` });
    const { id } = await submit(env.client, await exercises(['one', 'two']));
    const { lines } = await answersOf(id);
    expect(lines.map(answerOf)).toEqual(['Marked one', 'Marked two']);
    expect(server.direct.toSorted()).toEqual(['one', 'two']);
    await expectNothingLeft();
  },
);

test('a server that has no batches is asked directly', async () => {
  server.refusal = { path: 'POST files', status: 404, code: 'not_found' };
  const { id } = await submit(env.client, await exercises(['one', 'two']));
  const { lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(['Marked one', 'Marked two']);
  await expectNothingLeft();
});

test('a server that is busy, or has no room for the tokens, gets the same turns later', async () => {
  server.refusal = { path: 'POST batches', status: 503, code: 'overloaded' };
  server.end = { failed: 'token_limit_exceeded' };
  const { id } = await submit(env.client, await exercises(['one', 'two']));
  const posted = () =>
    server.upstream.received.filter(
      ({ method, url }) => method === 'POST' && url === '/v1/batches',
    );
  await eventually(() => expect(posted().length).toBeGreaterThan(0));
  server.refusal = undefined;
  await eventually(() =>
    expect(server.batches.map(({ batch }) => batch.status)).toContain('failed'),
  );
  server.end = 'completed';
  const { lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(['Marked one', 'Marked two']);
  expect(server.direct).toEqual([]);
});

test('a run that has little time left no longer waits, and the batch that nobody waits for is cancelled', async () => {
  server.held = true;
  const [line] = await exercises(['soon']);
  const body = { ...line!.body, expires_after: DIRECT_SECONDS + 3 };
  const { id } = await submit(env.client, [{ ...line!, body }]);
  await eventually(() => expect(server.batches).toHaveLength(1));
  const { lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(['Marked soon']);
  expect(server.direct).toEqual(['soon']);
  await eventually(() => expect(server.batches[0]!.batch.status).toBe('cancelled'));
  await expectNothingLeft();
});

test('a cancelled batch ends at once, and so does its batch at the model server', async () => {
  server.held = true;
  const { id } = await submit(env.client, await exercises(['one', 'two']));
  await untilSent(2);
  await env.client.batches.cancel(id);
  const batch = await untilStatus(env.client, id, 'cancelled');
  expect(batch.request_counts).toEqual({ total: 2, completed: 0, failed: 0 });
  await eventually(() =>
    expect(new Set(server.batches.map(({ batch: { status } }) => status))).toEqual(
      new Set(['cancelled']),
    ),
  );
  expect(server.direct).toEqual([]);
  await expectNothingLeft();
});

test('the answer of a run that was cancelled is dropped', async () => {
  server.held = true;
  const { id } = await submit(env.client, await exercises(['one', 'two']));
  await untilSent(2);
  const [runId] = server.lines[0]!.custom_id.split('#');
  const { rows } = await env.pool.query('select thread_id from runs where id = $1', [runId]);
  await env.client.beta.threads.runs.cancel(runId!, { thread_id: rows[0].thread_id });
  await eventually(async () => {
    const run = await env.client.beta.threads.runs.retrieve(runId!, {
      thread_id: rows[0].thread_id,
    });
    expect(run.status).toBe('cancelled');
  });
  server.held = false;
  const { batch, lines } = await answersOf(id);
  expect(batch.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });
  expect(lines).toHaveLength(1);
  const messages = await env.client.beta.threads.messages.list(rows[0].thread_id);
  expect(messages.data.map(({ role }) => role)).toEqual(['user']);
});

test('a paused batch sends no turns until it is resumed', async () => {
  const { id } = await submit(env.client, await exercises(['one', 'two']));
  await eventually(async () => {
    const { rows } = await env.pool.query(`select 1 from upstream_turns where state = 'pending'`);
    expect(rows.length).toBeGreaterThan(0);
  });
  await env.fetch(`/v1/batches/${id}`, {
    method: 'POST',
    body: JSON.stringify({ 'x-threadmill': { paused: true } }),
  });
  const sentThen = server.lines.length;
  const handle = env.temporal.workflow.getHandle(`${env.config.taskQueue}-upstream:tutor`);
  const steps = async () => (await handle.fetchHistory()).events!.length;
  const before = await steps();
  await eventually(async () => expect(await steps()).toBeGreaterThan(before + 12));
  expect(server.lines).toHaveLength(sentThen);
  await env.fetch(`/v1/batches/${id}`, {
    method: 'POST',
    body: JSON.stringify({ 'x-threadmill': { paused: false } }),
  });
  const { lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(['Marked one', 'Marked two']);
});

test('each project gets the answers of its own turns', async () => {
  const other = await env.otherClient();
  const { id: assistant } = await other.beta.assistants.create({ model: 'tutor' });
  const [own, theirs] = await Promise.all([
    submit(env.client, await exercises(['mine'])),
    submit(other, questions(assistant, ['theirs'])),
  ]);
  const { lines } = await answersOf(own.id);
  expect(lines.map(answerOf)).toEqual(['Marked mine']);
  const batch = await untilStatus(other, theirs.id, 'completed');
  const output = await resultsOf(other, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(['Marked theirs']);
  expect(server.lines).toHaveLength(2);
});

test('another Threadmill is such a server', async () => {
  await using upstream = await Environment.start({
    config: { modelBaseUrl: server.upstream.baseUrl },
  });
  process.env['UPSTREAM_KEY'] = upstream.apiKey;
  const models = [
    {
      id: 'tutor',
      base_url: `${upstream.api.url}/v1`,
      api_key_env: 'UPSTREAM_KEY',
      upstream_model: 'up',
      batch: true,
    },
  ];
  await using downstream = await Environment.start({ config: { ...SETTINGS, models } });
  const { id: assistant } = await downstream.client.beta.assistants.create({ model: 'tutor' });
  const texts = ['one', 'two', 'three'];
  const { id } = await submit(downstream.client, questions(assistant, texts));
  const batch = await untilStatus(downstream.client, id, 'completed');
  const lines = await resultsOf(downstream.client, batch.output_file_id);
  expect(lines.map(answerOf)).toEqual(texts.map((one) => `Marked ${one}`));
  const { data: made } = await upstream.client.batches.list();
  for (const { status, endpoint } of made) {
    expect({ status, endpoint }).toEqual({
      status: 'completed',
      endpoint: '/v1/chat/completions',
    });
  }
  expect(made.reduce((sum, { request_counts: counts }) => sum + counts!.completed, 0)).toBe(3);
});

test('a spent account at the model server pauses the batch, and its turns go on with the resume', async () => {
  server.refusal = { path: 'POST batches', status: 429, code: 'insufficient_quota' };
  const { id } = await submit(env.client, await exercises(['one', 'two']));
  await eventually(async () => {
    const settings = { paused: true, pause_reason: 'insufficient_quota' };
    expect(await env.client.batches.retrieve(id)).toMatchObject({ 'x-threadmill': settings });
  });
  server.refusal = undefined;
  await env.fetch(`/v1/batches/${id}`, {
    method: 'POST',
    body: JSON.stringify({ 'x-threadmill': { paused: false } }),
  });
  const { lines } = await answersOf(id);
  expect(lines.map(answerOf)).toEqual(['Marked one', 'Marked two']);
  expect(server.direct).toEqual([]);
});
