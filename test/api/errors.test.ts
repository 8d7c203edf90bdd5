import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';

let env: Environment;
/** A thread with a message and a queued run: no worker takes it. */
let busy: { threadId: string; runId: string; assistantId: string };
let empty: string;
let silent: string;

beforeAll(async () => {
  env = await Environment.start({ worker: false });
  const { assistants, threads } = env.client.beta;
  const assistant = await assistants.create({ model: 'm', instructions: 'Be kind.' });
  const run = await threads.createAndRun({ assistant_id: assistant.id });
  busy = { threadId: run.thread_id, runId: run.id, assistantId: assistant.id };
  empty = (await threads.create()).id;
  silent = (await assistants.create({ model: 'm' })).id;
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

type Row = {
  send: string;
  body?: unknown;
  message: string;
  status?: number;
  code?: string;
  param?: string;
};

/** Sends a row's request and expects exactly its error. */
async function check({ send, body, message, status = 400, code, param }: Row): Promise<void> {
  const [method, path] = send.split(' ') as [string, string];
  const response = await env.fetch(`/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const error = {
    message,
    type: 'invalid_request_error',
    param: param ?? null,
    code: code ?? null,
  };
  expect([response.status, await response.json()], send).toEqual([status, { error }]);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
}

const notFound = (send: string, kind: string, id: string, body?: unknown): Row => ({
  send,
  body,
  message: `No ${kind} found with id '${id}'.`,
  status: 404,
});

const badId = (send: string, param: string, prefix: string, value = 'undefined'): Row => ({
  send,
  message: `Invalid '${param}': '${value}'. Expected an ID that begins with '${prefix}'.`,
  code: 'invalid_value',
  param,
});

test('says which object is not there', async () => {
  const { threadId, runId, assistantId } = busy;
  const rows = [
    notFound('GET /assistants/asst_x', 'assistant', 'asst_x'),
    notFound(`POST /threads/${empty}/runs`, 'assistant', 'asst_x', { assistant_id: 'asst_x' }),
    notFound('POST /threads/runs', 'assistant', 'asst_x', { assistant_id: 'asst_x' }),
    notFound('GET /threads/thread_x', 'thread', 'thread_x'),
    notFound('GET /threads/thread_x/messages', 'thread', 'thread_x'),
    notFound('GET /threads/thread_x/runs', 'thread', 'thread_x'),
    notFound('POST /threads/thread_x/messages', 'thread', 'thread_x', {
      role: 'user',
      content: 'Hi',
    }),
    notFound('POST /threads/thread_x/runs', 'thread', 'thread_x', { assistant_id: assistantId }),
    notFound(`GET /threads/${threadId}/messages/msg_x`, 'message', 'msg_x'),
    notFound(`GET /threads/${threadId}/runs/run_x`, 'run', 'run_x'),
    notFound(`POST /threads/${threadId}/runs/run_x/cancel`, 'run', 'run_x'),
    notFound(`POST /threads/${threadId}/runs/run_x/submit_tool_outputs`, 'run', 'run_x', {
      tool_outputs: [],
    }),
    notFound(`GET /threads/${threadId}/runs/run_x/steps`, 'run', 'run_x'),
    notFound(`GET /threads/${threadId}/runs/${runId}/steps/step_123`, 'run step', 'step_123'),
  ];
  for (const row of rows) await check(row);
  for (const method of ['GET', 'DELETE']) {
    for (const model of ['fake_id', 'a/b']) {
      await check({
        send: `${method} /models/${model}`,
        message: `The model '${model}' does not exist`,
        status: 404,
        code: 'model_not_found',
        param: 'model',
      });
    }
  }
  for (const send of ['DELETE /files/ID', 'GET /files/ID', 'GET /files/ID/content']) {
    for (const id of ['fake_id', 'file-x', 'undefined', 'asst_x', 'a%00b', 'x'.repeat(100)]) {
      await check({
        send: send.replace('ID', id),
        message: `No such File object: ${decodeURIComponent(id)}`,
        status: 404,
        param: 'id',
      });
    }
  }
});

test('says what an id must begin with', async () => {
  const { threadId, runId } = busy;
  const rows = [
    badId('GET /assistants/undefined', 'assistant_id', 'asst'),
    badId('GET /threads/undefined', 'thread_id', 'thread'),
    badId('GET /threads/undefined/runs/run_x', 'thread_id', 'thread'),
    badId(`GET /threads/${threadId}/runs/undefined`, 'run_id', 'run'),
    badId(`GET /threads/${threadId}/messages/undefined`, 'message_id', 'msg'),
    badId(`GET /threads/${threadId}/runs/${runId}/steps/undefined`, 'step_id', 'step'),
    badId(`GET /threads/${threadId}/messages?run_id=x`, 'run_id', 'run', 'x'),
    badId(`GET /threads/${runId}`, 'thread_id', 'thread', runId),
  ];
  for (const row of rows) await check(row);
  await check({
    ...badId(`POST /threads/${empty}/runs`, 'assistant_id', 'asst', ''),
    body: { assistant_id: '' },
  });
});

test('says why a thread or a run cannot do it now', async () => {
  const { threadId, runId, assistantId } = busy;
  const rows: Row[] = [
    {
      send: `POST /threads/${threadId}/messages`,
      body: { role: 'user', content: 'Hi' },
      message: `Can't add messages to ${threadId} while a run ${runId} is active.`,
    },
    {
      send: `POST /threads/${threadId}/runs`,
      body: { assistant_id: assistantId },
      message: `Thread ${threadId} already has an active run ${runId}.`,
    },
    {
      send: `POST /threads/${empty}/runs`,
      body: { assistant_id: silent },
      message:
        'Run creation requires a Thread with a user message or an assistant with instructions.',
      code: 'invalid_thread',
    },
    {
      send: `POST /threads/${threadId}/runs/${runId}/submit_tool_outputs`,
      body: { tool_outputs: [{ tool_call_id: 'call_x', output: 'x' }] },
      message: 'Runs in status "queued" do not accept tool outputs.',
    },
  ];
  for (const row of rows) await check(row);
});

test('says what is wrong with a body', async () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));
  const tool = { type: 'code_interpreter' };
  const rows: [string, unknown, string, string, string][] = [
    [
      '/assistants',
      {},
      "Missing required parameter: 'model'.",
      'missing_required_parameter',
      'model',
    ],
    [
      '/threads/runs',
      {},
      "Missing required parameter: 'assistant_id'.",
      'missing_required_parameter',
      'assistant_id',
    ],
    [
      '/threads',
      { metadata: { modified: true } },
      "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
      'invalid_type',
      'metadata.modified',
    ],
    [
      '/assistants',
      { model: 'm', foo: 1 },
      "Unknown parameter: 'foo'.",
      'unknown_parameter',
      'foo',
    ],
    [
      `/threads/${empty}/messages`,
      { role: 'system', content: 'x' },
      "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
      'invalid_value',
      'role',
    ],
    [
      '/assistants',
      { model: 'm', tools: [{ type: 'x' }] },
      "Invalid value: 'x'. Supported values are: 'code_interpreter', 'function', and 'file_search'.",
      'invalid_value',
      'tools[0].type',
    ],
    [
      '/threads/runs',
      { assistant_id: 'asst_x', max_prompt_tokens: 0 },
      "Invalid 'max_prompt_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
      'integer_below_min_value',
      'max_prompt_tokens',
    ],
    [
      '/assistants',
      { model: 'm', temperature: 3 },
      "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
      'decimal_above_max_value',
      'temperature',
    ],
    [
      `/threads/${empty}/messages`,
      { role: 'user', content: 'x'.repeat(256_001) },
      "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a string with length 256001 instead.",
      'string_above_max_length',
      'content',
    ],
    [
      '/assistants',
      { model: 'm', tools: Array.from({ length: 129 }, () => tool) },
      "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead.",
      'array_above_max_length',
      'tools',
    ],
    [
      '/threads',
      { metadata: many(17) },
      "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
      'object_above_max_properties',
      'metadata',
    ],
  ];
  for (const [path, body, message, code, param] of rows) {
    await check({ send: `POST ${path}`, body, message, code, param });
  }
  const limit = { code: 'integer_above_max_value', param: 'limit' };
  await check({
    send: 'GET /assistants?limit=101',
    message:
      "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
    ...limit,
  });
  await check({
    send: 'GET /assistants?order=up',
    message: "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
    code: 'invalid_value',
    param: 'order',
  });
});

test('says that a body is not JSON, or not an object', async () => {
  const malformed =
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library " +
    'correctly. The server expects a JSON payload, but what was sent was not valid JSON.)';
  for (const body of ['{', '{"model":', 'model=m', '{"model": "m",}']) {
    await check({ send: 'POST /assistants', body, message: malformed });
  }
  await check({
    send: 'POST /assistants',
    body: '["m"]',
    message: 'Invalid request body: expected a JSON object, but got an array instead.',
    code: 'invalid_type',
  });
});

test('refuses a body over 10 MiB, and takes one just below', async () => {
  const message = 'Request body too large. The most this server accepts here is 10485760 bytes.';
  const body = JSON.stringify({ metadata: { a: 'x'.repeat(10 * 1024 * 1024) } });
  await check({ send: 'POST /threads', body, message, status: 413, code: 'request_too_large' });
  const padded = `{"metadata": {}${' '.repeat(10 * 1024 * 1024 - 100)}}`;
  const response = await env.fetch('/v1/threads', { method: 'POST', body: padded });
  expect(response.status).toBe(200);
});

test('knows no other route and no other method', async () => {
  const rows = [
    'GET /',
    'GET /nothing',
    'PUT /assistants',
    'PUT /threads',
    'PUT /files',
    'GET /uploads',
    'DELETE /models',
  ];
  for (const send of rows) {
    const path = send.replace(' ', ' /v1');
    await check({ send, message: `Invalid URL (${path})`, status: 404 });
  }
  const outside = await env.fetch('/elsewhere');
  expect(outside.status).toBe(404);
  expect(await outside.json()).toMatchObject({
    error: { message: 'Invalid URL (GET /elsewhere)' },
  });
  await check({ send: 'GET /threads/%zz', message: 'The URL is not valid.' });
});
