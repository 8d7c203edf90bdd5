/** GET /metrics of an API and a worker in one process, their log lines, and who may read. */
import { request } from 'node:http';
import { Writable } from 'node:stream';

import type { Run } from 'openai/resources/beta/threads/runs/runs';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { startApi } from '../../api/server.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { serveMetrics } from '../../telemetry/exposition.ts';
import type { UsageBucket } from '../../wire/admin/answers.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import { startWorker } from '../../worker/worker.ts';
import { Environment } from '../support/environment.ts';
import { cutAfter, status, text, toolCalls } from '../support/fake-model.ts';
import { parseMetrics, sumOf } from '../support/metrics.ts';
import { CODE, outputsFor, setUp, WEATHER } from '../support/runs.ts';
import { indexedStore, SEARCH } from '../support/searching.ts';

let env: Environment;
let adminKey: string;
const lines: Record<string, unknown>[] = [];
const log = pino(
  { base: undefined },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  }),
);

beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { sandbox: 'auto' } });
  const { config, databaseUrl, temporalAddress } = env;
  const common = { config, databaseUrl, listenUrl: databaseUrl, temporalAddress, log };
  await env.api.close();
  env.worker = await startWorker({
    ...common,
    cacheDir: inject('cacheDir'),
    temporalMetrics: true,
  });
  env.api = await startApi(common);
  env.client = env.clientFor(env.apiKey);
  const key = { projectName: 'operators', name: 'admin', scopes: SCOPES };
  adminKey = await createApiKey(env.pool, key);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

/** Without the headers that fetch sets by itself, and with those that it does not let a caller set. */
function get(headers: Record<string, string>, url = env.api.url): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/metrics`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    sent.once('error', reject).end();
  });
}

const scrape = async () => parseMetrics(await (await fetch(`${env.api.url}/metrics`)).text());
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

test('a program on this computer reads the metrics without a key', async () => {
  expect(await get({})).toBe(200);
  expect(await get({ host: 'localhost:8080' })).toBe(200);
  expect(await get({ host: '[::1]:8080' })).toBe(200);
});

const FOREIGN: Record<string, string>[] = [
  { 'x-forwarded-for': '127.0.0.1' },
  { forwarded: 'for=127.0.0.1' },
  { via: '1.1 proxy' },
  { 'x-real-ip': '127.0.0.1' },
  { host: 'api.example.com' },
  { host: '127.0.0.1.example.com' },
  { host: 'localhost.example.com' },
  { origin: 'http://localhost:3000' },
];

test.each(FOREIGN)('needs a key of a request from a proxy or a page: %o', async (headers) => {
  expect(await get(headers)).toBe(401);
  expect(await get({ ...headers, ...bearer(env.apiKey) })).toBe(403);
  expect(await get({ ...headers, ...bearer(adminKey) })).toBe(200);
});

test('with METRICS_LISTEN the port of the API asks everyone for a key', async () => {
  const { databaseUrl, temporalAddress } = env;
  const config = { ...env.config, metricsListen: { host: '127.0.0.1', port: 0 } };
  const common = { config, databaseUrl, listenUrl: databaseUrl, temporalAddress, log: env.log };
  const api = await startApi(common);
  await using metrics = Object.assign(await serveMetrics(config.metricsListen), {
    [Symbol.asyncDispose]: () => api.close().then(() => metrics.close()),
  });
  expect(await get({}, api.url)).toBe(401);
  expect(await get(bearer(adminKey), api.url)).toBe(200);
  const answer = await fetch(metrics.url);
  expect(answer.headers.get('content-type')).toContain('version=0.0.4');
  expect(await answer.text()).toContain('http_server_request_duration_seconds_count{');
  expect((await fetch(new URL('/v1/models', metrics.url))).status).toBe(404);
});

test('the metrics of some runs add up to what the API says of their usage', async () => {
  const { runs } = env.client.beta.threads;
  const store = await indexedStore(env);
  const before = await scrape();
  const usage = (prompt_tokens: number, completion_tokens: number) => ({
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  });
  const cell = { name: 'code_interpreter', arguments: { code: 'print(1)' } };
  const scripts = [
    { replies: [text('Hello', usage(100, 10))], tools: [] },
    {
      replies: [
        toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' } }], usage(70, 7)),
        text('Sunny', usage(90, 9)),
      ],
      tools: [WEATHER],
    },
    {
      replies: [
        toolCalls([cell], usage(40, 4)),
        toolCalls([{ name: 'file_search', arguments: { queries: ['moss'] } }], usage(50, 5)),
        text('One', usage(60, 6)),
      ],
      tools: [CODE, SEARCH],
    },
    { replies: [cutAfter(text('A long answer'), 2), text('Again', usage(30, 3))], tools: [] },
    { replies: [status(500), status(500), status(500), status(500), status(500)], tools: [] },
  ];
  const ended: Run[] = [];
  for (const { replies, tools } of scripts) {
    const tool_resources = { file_search: { vector_store_ids: [store.id] } };
    const { assistant, threadId } = await setUp(env, replies, { tools, tool_resources });
    let run = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
    if (run.status === 'requires_action') {
      run = await runs.submitToolOutputsAndPoll(run.id, {
        thread_id: threadId,
        tool_outputs: outputsFor(run, 'sunny'),
      });
    }
    ended.push(run);
  }
  expect(ended.map(({ status: end }) => end)).toEqual([
    ...Array.from({ length: 4 }, () => 'completed'),
    'failed',
  ]);
  const after = await scrape();
  const grew = (name: string, labels: Record<string, string> = {}) =>
    sumOf(after, name, labels) - sumOf(before, name, labels);
  const total = (field: 'prompt_tokens' | 'completion_tokens') =>
    ended.reduce((sum, run) => sum + (run.usage?.[field] ?? 0), 0);
  expect(total('prompt_tokens')).toBeGreaterThan(440);
  for (const { model, usage: used } of ended) {
    expect(grew('threadmill_tokens_total', { model, type: 'input' })).toBe(used!.prompt_tokens);
    expect(grew('threadmill_tokens_total', { model, type: 'output' })).toBe(
      used!.completion_tokens,
    );
  }
  expect(grew('threadmill_tokens_total', { type: 'input' })).toBe(total('prompt_tokens'));
  expect(grew('threadmill_tokens_total', { type: 'output' })).toBe(total('completion_tokens'));
  const input = { gen_ai_token_type: 'input' };
  expect(grew('gen_ai_client_token_usage_sum', input)).toBe(total('prompt_tokens'));
  const days = await env.fetch('/v1/threadmill/usage?group_by[]=project_id', {
    headers: bearer(adminKey),
  });
  const { data } = (await days.json()) as { data: UsageBucket[] };
  const [project] = (await env.pool.query(`select id from projects where name = 'test'`)).rows as {
    id: string;
  }[];
  const ours = data.flatMap(({ results }) => results).filter((r) => r.project_id === project!.id);
  expect(ours.reduce((sum, { prompt_tokens }) => sum + prompt_tokens, 0)).toBe(
    sumOf(after, 'threadmill_tokens_total', { type: 'input', project: project!.id }),
  );
  expect(grew('threadmill_run_ends_total', { status: 'completed' })).toBe(4);
  expect(grew('threadmill_run_ends_total', { status: 'failed', reason: 'server_error' })).toBe(1);
  expect(grew('threadmill_run_queue_duration_seconds_count')).toBe(5);
  expect(grew('threadmill_run_time_to_first_token_seconds_count')).toBeGreaterThanOrEqual(4);
  expect(grew('threadmill_cell_duration_seconds_count', { status: 'ok' })).toBe(1);
  expect(grew('gen_ai_client_operation_duration_seconds_count', { error_type: '500' })).toBe(5);
  expect(grew('gen_ai_client_operation_duration_seconds_count', { error_type: 'cut_off' })).toBe(1);
  expect(grew('threadmill_attempts_total', { activity: 'runTool', retry: 'false' })).toBe(2);
  expect(grew('threadmill_attempts_total', { activity: 'modelTurn', retry: 'true' })).toBe(5);
  expect(
    grew('http_server_request_duration_seconds_count', { threadmill_operation: 'createRun' }),
  ).toBe(5);
});

test('an ingest, the pools, the kernels and Temporal have their figures', async () => {
  const completed = { status: 'completed' };
  const before = sumOf(await scrape(), 'threadmill_ingest_ends_total', completed);
  await indexedStore(env);
  const samples = await scrape();
  expect(sumOf(samples, 'threadmill_ingest_ends_total', completed)).toBe(before + 2);
  expect(sumOf(samples, 'threadmill_sandbox_kernels')).toBe(1);
  expect(sumOf(samples, 'threadmill_database_up')).toBe(1);
  for (const pool of ['threadmill-api', 'threadmill-worker']) {
    const labels = { db_client_connection_pool_name: pool };
    expect(sumOf(samples, 'db_client_connection_max', labels)).toBe(20);
    expect(sumOf(samples, 'db_client_connection_count', labels)).toBeGreaterThan(0);
  }
  expect(sumOf(samples, 'temporal_workflow_completed_total')).toBeGreaterThan(0);
  expect(sumOf(samples, 'threadmill_deliveries', { kind: 'start' })).toBe(0);
});

test('every request has one line in the log, without its content', async () => {
  lines.length = 0;
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'a secret question' }],
  });
  await fetch(`${env.api.url}/healthz`);
  await fetch(`${env.api.url}/v1/sk-secret-in-a-path`, { headers: bearer(env.apiKey) });
  await expect.poll(() => lines.filter(({ msg }) => msg === 'Answered').length).toBe(2);
  const [created, unknown] = lines.filter(({ msg }) => msg === 'Answered');
  expect(created).toEqual({
    level: 30,
    time: expect.anything() as unknown,
    request_id: expect.stringMatching(/^req_/) as unknown,
    project_id: expect.stringMatching(/^proj_/) as unknown,
    key_id: expect.stringMatching(/./) as unknown,
    operation: 'createThread',
    status: 200,
    duration_ms: expect.any(Number) as unknown,
    msg: 'Answered',
  });
  expect(unknown).toMatchObject({ status: 404 });
  expect(JSON.stringify(lines)).not.toMatch(/secret|sk-/);
  expect(thread.id).toMatch(/^thread_/);
});

test('the log line of a failed run says whose it was, which server failed, and why', async () => {
  lines.length = 0;
  const refusal = status(401, {
    body: { error: { message: 'Incorrect API key provided: sk-abcdefghijkl' } },
  });
  const { assistant, threadId, model } = await setUp(env, [refusal]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run.status).toBe('failed');
  await expect.poll(() => lines.filter(({ msg }) => msg === 'A run failed').length).toBe(1);
  expect(lines.find(({ msg }) => msg === 'A run failed')).toMatchObject({
    level: 40,
    project_id: expect.stringMatching(/^proj_/) as unknown,
    run_id: run.id,
    model,
    server: new URL(env.model.baseUrl).host,
    code: run.last_error!.code,
    reason: run.last_error!.message,
  });
  expect(JSON.stringify(lines)).not.toContain('sk-abcdefghijkl');
});
