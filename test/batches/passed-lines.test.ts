/** Lines that have no run: their requests pass to the server of their model. */
import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import { resultsOf, submit, untilStatus } from './support.ts';
import type { InputLine } from './support.ts';

let env: Environment;
let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await FakeUpstream.start();
  const price = { input: 100_000, output: 1_000_000 };
  const models = [{ id: 'tutor', base_url: upstream.baseUrl, upstream_model: 'up', price }];
  env = await Environment.start({ config: { modelBaseUrl: undefined, models: models as never } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const line = (custom_id: string, url: string, body: object): InputLine => ({
  custom_id,
  method: 'POST',
  url,
  body: { model: 'tutor', ...body },
});

const USAGE = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };

test('each goes to the server of its model, and its answer is the line of the output file', async () => {
  const tries = new Map<string, number>();
  upstream.answer = ({ json }, response) => {
    const { content } = (json['messages'] as { content: string }[])[0]!;
    const tried = (tries.get(content) ?? 0) + 1;
    tries.set(content, tried);
    if (content === 'busy' && tried === 1) {
      return sendJson(response, {}, 429, { 'retry-after': '1' });
    }
    if (content === 'bad') return sendJson(response, { error: { message: 'No.' } }, 400);
    return sendJson(response, { id: 'c', model: json['model'], echo: content, usage: USAGE });
  };
  const url = '/v1/chat/completions';
  const lines = ['first', 'busy', 'bad', 'last'].map((content) =>
    line(content, url, { messages: [{ role: 'user', content }] }),
  );
  const { id } = await submit(env.client, lines, {}, url);
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch).toMatchObject({
    endpoint: url,
    request_counts: { total: 4, completed: 3, failed: 1 },
    usage: { input_tokens: 15, output_tokens: 6, total_tokens: 21 },
    'x-threadmill': { cost_usd: 7.5 },
  });
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output).toMatchObject(
    ['first', 'busy', 'last'].map((content) => ({
      custom_id: content,
      response: { status_code: 200, body: { model: 'up', echo: content } },
      error: null,
    })),
  );
  expect(await resultsOf(env.client, batch.error_file_id)).toMatchObject([
    {
      custom_id: 'bad',
      response: { status_code: 400, body: { error: { message: 'No.' } } },
      error: null,
    },
  ]);
  expect(Object.fromEntries(tries)).toEqual({ first: 1, busy: 2, bad: 1, last: 1 });
  expect(upstream.last.headers.authorization).toBe('Bearer none');
});

test('a batch whose model server has no quota left is paused with the reason, and its lines wait', async () => {
  let paid = false;
  upstream.answer = (_received, response) =>
    paid
      ? sendJson(response, { usage: USAGE })
      : sendJson(response, { error: { message: 'Insufficient Balance' } }, 402);
  const url = '/v1/embeddings';
  const lines = ['a', 'b', 'c'].map((id) => line(id, url, { input: id }));
  const { id } = await submit(env.client, lines, { window: 1 }, url);
  await eventually(async () =>
    expect(await env.client.batches.retrieve(id)).toMatchObject({
      status: 'in_progress',
      request_counts: { completed: 0, failed: 0 },
      'x-threadmill': { paused: true, pause_reason: 'insufficient_quota' },
    }),
  );
  await eventually(async () => {
    const { currentDetails } = await env.temporal.workflow
      .getHandle(id)
      .query<{ currentDetails: string }, []>('__temporal_workflow_metadata');
    expect(currentDetails).toBe('Paused (insufficient_quota). Lines: 2 pending, 1 running.');
  });
  paid = true;
  const body = JSON.stringify({ 'x-threadmill': { paused: false } });
  await env.fetch(`/v1/batches/${id}`, { method: 'POST', body });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
});

test('a line whose workflow was terminated is asked for again', async () => {
  const asked = Promise.withResolvers<void>();
  let answers = 0;
  upstream.answer = (_received, response) => {
    answers += 1;
    // The first is never answered.
    if (answers === 1) return asked.resolve();
    return sendJson(response, { echo: 'again' });
  };
  const url = '/v1/embeddings';
  const { id } = await submit(env.client, [line('a', url, { input: 'x' })], {}, url);
  await asked.promise;
  await env.temporal.workflow.getHandle(`${id}:1`).terminate('by an operator');
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
  expect(answers).toBe(2);
});

test('a response of another project is not continued', async () => {
  upstream.answer = (_received, response) => sendJson(response, { id: 'resp_1', usage: USAGE });
  const url = '/v1/responses';
  const made = await submit(env.client, [line('a', url, { input: 'Hi' })], {}, url);
  await untilStatus(env.client, made.id, 'completed');
  const next = [line('b', url, { input: 'And?', previous_response_id: 'resp_1' })];
  const own = await submit(env.client, next, {}, url);
  expect((await untilStatus(env.client, own.id, 'completed')).request_counts!.completed).toBe(1);
  const other = await env.otherClient();
  const { id } = await submit(other, next, {}, url);
  const batch = await untilStatus(other, id, 'completed');
  const [error] = await resultsOf(other, batch.error_file_id);
  expect(error).toMatchObject({ response: { status_code: 400 } });
});

test('a line without a model, with an unknown one or for another endpoint fails the batch', async () => {
  const url = '/v1/embeddings';
  const lines = [
    line('a', url, { model: undefined, input: 'x' }),
    line('b', url, { model: 'other', input: 'x' }),
    line('c', '/v1/responses', { input: 'x' }),
    line('d', '/v1/threads/thread_a/runs', { assistant_id: 'asst_a' }),
  ];
  const { id } = await submit(env.client, lines, {}, url);
  const batch = await untilStatus(env.client, id, 'failed');
  expect(batch.errors!.data!.map(({ line: at, code, param }) => [at, code, param])).toEqual([
    [1, 'missing_required_parameter', 'body.model'],
    [3, 'invalid_url', 'url'],
    [4, 'invalid_url', 'url'],
    [2, 'model_not_found', 'body.model'],
  ]);
});

test('a file that came in parts is read as one that came whole', async () => {
  upstream.answer = ({ json }, response) => sendJson(response, { echo: json['input'] });
  const url = '/v1/embeddings';
  const text = ['a', 'b', 'c'].map((id) => JSON.stringify(line(id, url, { input: id }))).join('\n');
  const parts = [text.slice(0, 10), text.slice(10, 120), text.slice(120)];
  const upload = await env.client.uploads.create({
    bytes: text.length,
    filename: 'input.jsonl',
    mime_type: 'application/jsonl',
    purpose: 'batch',
  });
  const ids: string[] = [];
  for (const part of parts) {
    const data = await toFile(Buffer.from(part), 'part');
    ids.push((await env.client.uploads.parts.create(upload.id, { data })).id);
  }
  const { file } = await env.client.uploads.complete(upload.id, { part_ids: ids });
  const { id } = await env.client.batches.create({
    input_file_id: file!.id,
    endpoint: url,
    completion_window: '24h',
  });
  const batch = await untilStatus(env.client, id, 'completed');
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(({ response }) => response?.body)).toEqual([
    { echo: 'a' },
    { echo: 'b' },
    { echo: 'c' },
  ]);
});
