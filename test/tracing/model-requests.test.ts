/** The spans of requests to model servers that are not turns of runs. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { submit, untilStatus } from '../batches/support.ts';
import type { CollectedSpan, Collector } from '../support/collector.ts';
import { startCollector } from '../support/collector.ts';
import { eventually } from '../support/durable-run.ts';
import { embed } from '../support/fake-embeddings.ts';
import { chunk, event, FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { indexedStore } from '../support/searching.ts';

const USAGE = { prompt_tokens: 31, completion_tokens: 3, total_tokens: 34 };
const ATTRIBUTES = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'asked',
  'gen_ai.response.model': 'answered-1',
  'gen_ai.response.finish_reasons': { values: [{ string_value: 'stop' }] },
  'gen_ai.usage.input_tokens': '31',
  'gen_ai.usage.output_tokens': '3',
  'server.address': '127.0.0.1',
};
const messages = [{ role: 'user' as const, content: 'a secret question' }];
const choice = { index: 0, message: { role: 'assistant', content: 'A secret "model": "x"' } };
const ANSWER = {
  model: 'answered-1',
  choices: [{ ...choice, finish_reason: 'stop' }],
  usage: USAGE,
};

let collector: Collector;
let upstream: FakeUpstream;
let env: ProcessEnvironment;
beforeAll(async () => {
  collector = await startCollector();
  upstream = await FakeUpstream.start();
  env = await ProcessEnvironment.start();
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    MODEL_BASE_URL: upstream.baseUrl,
    EMBEDDINGS_BASE_URL: upstream.baseUrl,
    EMBEDDINGS_MODEL: 'vectors',
    EMBEDDINGS_DIMENSIONS: '256',
  };
  await env.startApi(settings);
  await env.startWorker({ settings });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

const caller = () => {
  const traceId = randomUUID().replaceAll('-', '');
  return { traceId, headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } };
};

/** The span of the newest request to the model server, which was sent with the trace of that span. */
function sentSpan(): Promise<CollectedSpan> {
  return eventually(async () => {
    const [, traceId, spanId] = String(upstream.received.at(-1)!.headers['traceparent']).split('-');
    const span = collector.spans.find((one) => one.spanId === spanId);
    expect(span).toMatchObject({ traceId, kind: 'client' });
    return span!;
  });
}

test('a request that passes through has a span, a stream until its end', async () => {
  upstream.answer = (_received, response) => sendJson(response, ANSWER);
  const { traceId, headers } = caller();
  await env.client.chat.completions.create({ model: 'asked', messages }, { headers });
  const span = await sentSpan();
  expect(span).toMatchObject({ name: 'chat asked', traceId, service: 'threadmill-api' });
  expect(span.attributes).toEqual(ATTRIBUTES);

  upstream.answer = async (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event({ ...chunk('A secret'), model: 'answered-1' }));
    const last = { index: 0, delta: {}, finish_reason: 'stop' };
    response.write(event({ model: 'answered-1', choices: [last] }));
    response.end(`${event({ model: 'answered-1', choices: [], usage: USAGE })}data: [DONE]\n\n`);
  };
  const body = { model: 'asked', messages, stream: true } as const;
  for await (const _ of await env.client.chat.completions.create(body, { headers }));
  expect((await sentSpan()).attributes).toEqual(ATTRIBUTES);
});

test('a request that a model server refuses has its status in the span', async () => {
  const refusal = { error: { message: 'Incorrect API key sk-secret' } };
  upstream.answer = (_received, response) => sendJson(response, refusal, 429);
  const asked = env.client.responses.create(
    { model: 'asked', input: 'a secret' },
    { maxRetries: 0 },
  );
  await expect(asked).rejects.toMatchObject({ status: 429 });
  const { attributes } = await sentSpan();
  expect(attributes).toMatchObject({ 'gen_ai.operation.name': 'chat', 'error.type': '429' });
  expect(attributes).not.toHaveProperty('gen_ai.usage.input_tokens');
});

test('a line of a batch that passes to a model server has a span', async () => {
  upstream.answer = (_received, response) => sendJson(response, ANSWER);
  const url = '/v1/chat/completions';
  const line = { custom_id: 'one', method: 'POST', url, body: { model: 'asked', messages } };
  const { id } = await submit(env.client, [line], {}, url);
  await untilStatus(env.client, id, 'completed');
  const span = await sentSpan();
  expect(span).toMatchObject({ name: 'chat asked', service: 'threadmill-worker' });
  expect(span.attributes).toEqual(ATTRIBUTES);
});

test('embeddings have a span: of files, and of the queries of a search', async () => {
  upstream.answer = ({ json }, response) => {
    const texts = json['input'] as string[];
    const data = texts.map((text, index) => ({ index, embedding: embed(text, 256) }));
    const usage = { prompt_tokens: 12, total_tokens: 12 };
    sendJson(response, { model: 'vectors-1', data, usage });
  };
  const expected = {
    'gen_ai.operation.name': 'embeddings',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'vectors',
    'gen_ai.response.model': 'vectors-1',
    'gen_ai.usage.input_tokens': '12',
    'server.address': '127.0.0.1',
  };
  const { id } = await indexedStore(env);
  const indexed = await sentSpan();
  expect(indexed).toMatchObject({ name: 'embeddings vectors', service: 'threadmill-worker' });
  expect(indexed.attributes).toEqual(expected);
  const { traceId, headers } = caller();
  await env.client.vectorStores.search(id, { query: 'a secret moss' }, { headers });
  const searched = await sentSpan();
  expect(searched).toMatchObject({ traceId, service: 'threadmill-api' });
  expect(searched.attributes).toEqual(expected);
  expect(collector.bytes()).not.toMatch(/secret|sk-/);
});
