/** Traces of real processes, as a collector gets them. */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Collector, CollectedSpan } from '../support/collector.ts';
import { startCollector } from '../support/collector.ts';
import { createRun, eventually, say, untilStatus } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold, status, text, toolCalls } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { setUp } from '../support/runs.ts';
import { indexedStore, search } from '../support/searching.ts';

const USAGE = { prompt_tokens: 31, completion_tokens: 3, total_tokens: 34 };

let collector: Collector;
let env: ProcessEnvironment;
const settings = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=a%20key',
  OTEL_BSP_SCHEDULE_DELAY: '100',
});

beforeAll(async () => {
  collector = await startCollector();
  env = await ProcessEnvironment.start();
  await env.startApi(settings());
  await env.startWorker({ sandbox: true, settings: settings() });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

const ofTrace = (id: string) => collector.spans.filter(({ traceId }) => traceId === id);
const named = (spans: CollectedSpan[], name: string) => spans.filter((span) => span.name === name);

/** Those of a trace, once the workflow has ended and no parent is missing. */
function complete(id: string): Promise<CollectedSpan[]> {
  return eventually(async () => {
    const spans = ofTrace(id);
    expect(named(spans, 'RunWorkflow:runWorkflow')).toHaveLength(1);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    expect(spans.filter(({ parentId }) => !ids.has(parentId)).map(({ name }) => name)).toEqual([
      'createRun',
    ]);
    return spans;
  });
}

/** What a caller's own trace looks like in a request. */
const caller = () => {
  const traceId = randomUUID().replaceAll('-', '');
  return { traceId, traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
};

async function trace(model: string, fields: object, headers: Record<string, string>) {
  const { client } = env;
  const assistant = await client.beta.assistants.create({ model, ...fields });
  const thread = await client.beta.threads.create({
    messages: [{ role: 'user', content: 'a secret question' }],
  });
  const { runs } = client.beta.threads;
  const body = { assistant_id: assistant.id };
  const created = await runs.create(thread.id, body, { headers });
  return runs.poll(created.id, { thread_id: thread.id });
}

test('a run with a cell and a search is one trace, from its caller to the model server', async () => {
  const store = await indexedStore(env);
  const cell = toolCalls([{ name: 'code_interpreter', arguments: { code: 'print("secret")' } }]);
  env.model.script(
    'traced',
    cell,
    search('secret moss'),
    text('A secret answer', { usage: USAGE }),
  );
  const { traceId, traceparent } = caller();
  const run = await trace(
    'traced',
    {
      tools: [{ type: 'code_interpreter' }, { type: 'file_search' }],
      tool_resources: { file_search: { vector_store_ids: [store.id] } },
    },
    { traceparent, tracestate: 'vendor=1', baggage: 'user=secret' },
  );
  expect(run.status).toBe('completed');

  const spans = await complete(traceId);
  const [root] = named(spans, 'createRun');
  expect(root).toMatchObject({
    kind: 'server',
    service: 'threadmill-api',
    parentId: '00f067aa0ba902b7',
  });
  expect(root!.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/v1/threads/:thread_id/runs',
    'http.response.status_code': '200',
    'threadmill.project.id': expect.stringMatching(/^proj_/) as unknown,
  });
  const counts = (name: string) => named(spans, name).length;
  expect(counts('StartWorkflow:runWorkflow')).toBe(1);
  expect(counts('RunActivity:modelTurn')).toBe(3);
  expect(counts('RunActivity:runTool')).toBe(2);
  expect(counts('execute_tool code_interpreter')).toBe(1);
  expect(counts('execute_tool file_search')).toBe(1);
  expect(counts('INSERT runs')).toBe(1);
  expect(counts('INSERT deliveries')).toBe(1);
  const asked = named(spans, 'chat traced');
  expect(asked).toHaveLength(3);
  expect(asked.at(-1)).toMatchObject({ kind: 'client', service: 'threadmill-worker' });
  expect(asked.at(-1)!.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'traced',
    'gen_ai.usage.input_tokens': '31',
    'gen_ai.usage.output_tokens': '3',
    'server.address': '127.0.0.1',
  });
  const sent = env.model.requests('traced').map(({ headers }) => headers);
  expect(sent.map((headers) => headers['traceparent'])).toEqual(
    asked.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
  );
  expect(sent.map((headers) => headers['tracestate'])).toEqual(Array(3).fill('vendor=1'));
  expect(sent.every((headers) => headers['baggage'] === undefined)).toBe(true);
  expect(collector.headers['x-collector-key']).toBe('a key');
});
test('no span holds content or a key', async () => {
  const body = { error: { message: 'Incorrect API key provided: sk-abcdefghijkl, a secret' } };
  env.model.script('refused', status(401, { body }));
  const { traceId, traceparent } = caller();
  expect((await trace('refused', {}, { traceparent })).status).toBe('failed');
  const [asked] = named(await complete(traceId), 'chat refused');
  expect(asked!.attributes).toMatchObject({ 'error.type': '401' });
  expect(collector.bytes()).not.toMatch(/secret|blue fish|sk-|\bPrint/);
});

test('a statement outside of traces has no span', () => {
  const roots = collector.spans.filter(({ parentId }) => parentId === '');
  const others = roots.filter(({ kind }) => kind !== 'server').map(({ name }) => name);
  // The worker starts ingests as others end.
  expect(new Set(others)).toEqual(new Set(['StartWorkflow:ingestFileWorkflow']));
});

test('what a caller does not sample has no spans here, and its model server is told so', async () => {
  env.model.script('unsampled', text('Hello'));
  const { traceId, traceparent } = caller();
  await trace('unsampled', {}, { traceparent: traceparent.replace(/01$/, '00') });
  env.model.script('after', text('Hello'));
  const later = caller();
  await trace('after', {}, { traceparent: later.traceparent });
  await complete(later.traceId);
  expect(ofTrace(traceId)).toEqual([]);
  const [request] = env.model.requests('unsampled');
  expect(request!.headers['traceparent']).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
});

test('a trace goes on at another worker when one was killed', async () => {
  await using killed = await ProcessEnvironment.start();
  await killed.startApi(settings());
  const worker = await killed.startWorker({ settings: settings() });
  const half = hold(say('one two three'), { afterChunks: 1 });
  killed.model.script('half', half.reply, say('Again.'));
  const run = await createRun(killed, 'half');
  await half.reached;
  await worker.kill();
  await killed.startWorker({ settings: settings() });
  await untilStatus(killed, run, 'completed');
  const [first, second] = killed.model
    .requests('half')
    .map(({ headers }) => String(headers['traceparent']));
  const traceId = first!.split('-')[1]!;
  expect(second).toContain(traceId);
  const spans = await eventually(async () => {
    const found = ofTrace(traceId);
    expect(named(found, 'RunWorkflow:runWorkflow')).toHaveLength(1);
    return found;
  });
  const [workflow] = named(spans, 'RunWorkflow:runWorkflow');
  const [scheduled] = named(spans, 'StartActivity:modelTurn');
  expect(scheduled!.parentId).toBe(workflow!.spanId);
  // The attempt of the killed worker had not ended, so nobody has its span.
  expect(named(spans, 'RunActivity:modelTurn').map(({ parentId }) => parentId)).toEqual([
    scheduled!.spanId,
  ]);
});

test('a run whose API died before it told Temporal continues the trace of its request', async () => {
  await using cutOff = await ProcessEnvironment.start();
  const api = await cutOff.startApi(settings());
  cutOff.proxies.apiToTemporal.refuse();
  cutOff.model.script('late', say('Late.'));
  const run = await createRun(cutOff, 'late');
  await api.kill();
  await cutOff.startApi(settings());
  await cutOff.startWorker({ settings: settings() });
  await untilStatus(cutOff, run, 'completed');
  const traceId = String(cutOff.model.requests('late')[0]!.headers['traceparent']).split('-')[1]!;
  await eventually(async () => {
    expect(named(ofTrace(traceId), 'RunWorkflow:runWorkflow')).toHaveLength(1);
  });
  const { rows } = await cutOff.pool.query('select from deliveries');
  expect(rows).toEqual([]);
});

test('while tracing is off nothing of it is loaded, stored or sent', async () => {
  await using off = await Environment.start();
  const { assistant, threadId, model } = await setUp(off, [text('Hello')]);
  await off.pool.query('create table kept as select payload from deliveries');
  await off.pool.query(`create function keep() returns trigger language plpgsql as
    $$ begin insert into kept values (new.payload); return new; end $$`);
  await off.pool.query(
    'create trigger keep after insert on deliveries for each row execute function keep()',
  );
  await off.pool.query('grant insert on kept to public');
  const { traceparent } = caller();
  const run = await off.client.beta.threads.runs.createAndPoll(
    threadId,
    { assistant_id: assistant.id },
    { headers: { traceparent } },
  );
  expect(run.status).toBe('completed');
  const { rows } = await off.pool.query(`select payload ? 'trace' as traced from kept`);
  expect(rows).toEqual([{ traced: false }]);
  expect(off.model.requests(model)[0]!.headers).not.toHaveProperty('traceparent');
  const handle = off.temporal.workflow.getHandle(run.id);
  const { events } = await handle.fetchHistory();
  expect(
    events
      ?.map(({ workflowExecutionStartedEventAttributes: started }) => started?.header?.fields ?? {})
      .every((fields) => Object.keys(fields).length === 0),
  ).toBe(true);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.some((path) => path.includes('@opentelemetry/sdk-metrics/'))).toBe(true);
  expect(loaded.filter((path) => /sdk-trace|otlp|interceptors-opentelemetry/.test(path))).toEqual(
    [],
  );
});
