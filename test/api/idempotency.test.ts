import { createHash, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { createFile } from '../support/files.ts';
import { form } from '../support/forms.ts';
import type { FormPart } from '../support/forms.ts';
import { readToDone } from '../support/legal-stream.ts';
import { checkRun, outputsFor, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

function post(path: string, body: unknown, key: string): Promise<Response> {
  return env.fetch(`/v1${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'idempotency-key': key },
  });
}

const count = async (table: string) =>
  (await env.pool.query(`select from ${table}`)).rowCount as number;

const call = () => toolCalls([{ name: 'get_weather', arguments: {} }]);

/** A run that waits for outputs. */
async function pausedRun() {
  const setup = await setUp(env, [call(), text('Sunny.')], { tools: [WEATHER] });
  const run = await env.client.beta.threads.runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  return { ...setup, run };
}

/** Each POST that creates or submits: its path and body, and the table in which it adds one row. */
const OPERATIONS: [string, () => Promise<{ path: string; body: object; table?: string }>][] = [
  [
    'an assistant',
    async () => ({ path: '/assistants', body: { model: 'm' }, table: 'assistants' }),
  ],
  ['a thread', async () => ({ path: '/threads', body: {}, table: 'threads' })],
  [
    'a message',
    async () => {
      const { id } = await env.client.beta.threads.create();
      const body = { role: 'user', content: 'Hi' };
      return { path: `/threads/${id}/messages`, body, table: 'messages' };
    },
  ],
  [
    'a run',
    async () => {
      const { assistant, threadId } = await setUp(env, [text('Yes.')]);
      const body = { assistant_id: assistant.id };
      return { path: `/threads/${threadId}/runs`, body, table: 'runs' };
    },
  ],
  [
    'a thread and its run',
    async () => {
      const { assistant } = await setUp(env, [text('Yes.')]);
      return { path: '/threads/runs', body: { assistant_id: assistant.id }, table: 'runs' };
    },
  ],
  [
    'tool outputs',
    async () => {
      const { run, threadId } = await pausedRun();
      const path = `/threads/${threadId}/runs/${run.id}/submit_tool_outputs`;
      return { path, body: { tool_outputs: outputsFor(run) } };
    },
  ],
];

test.for(OPERATIONS)('takes %s once, however often it is sent', async ([, operation]) => {
  const { path, body, table } = await operation();
  const key = randomUUID();
  const before = table === undefined ? 0 : await count(table);
  const answers = [await post(path, body, key)];
  answers.push(await post(path, body, key), await post(path, body, key));
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(new Set(texts).size).toBe(1);
  if (table !== undefined) expect(await count(table)).toBe(before + 1);
  const { id, object, thread_id } = JSON.parse(texts[0]!) as Record<string, string>;
  if (object === 'thread.run') await checkRun(env, { id: id!, thread_id: thread_id! });

  const other = await post(path, { ...body, metadata: { other: 'yes' } }, key);
  expect(other.status).toBe(400);
  if (path.endsWith('submit_tool_outputs')) return;
  expect(await other.json()).toEqual({
    error: {
      message:
        "This 'Idempotency-Key' was already used with a different request. Use a new key for a new request.",
      type: 'invalid_request_error',
      param: 'Idempotency-Key',
      code: 'idempotency_key_reused',
    },
  });
});

test('has one effect when fifty requests with one key arrive together', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Once.')]);
  const before = await count('runs');
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      post(`/threads/${threadId}/runs`, { assistant_id: assistant.id }, key),
    ),
  );
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(texts).size).toBe(1);
  expect(await count('runs')).toBe(before + 1);
  await checkRun(env, JSON.parse(texts[0]!) as { id: string; thread_id: string });
  expect(env.model.requests(model)).toHaveLength(1);
});

test('refuses the key for another body, another path, and other outputs', async () => {
  const key = randomUUID();
  const status = async (path: string, body: object) => (await post(path, body, key)).status;
  expect(await status('/assistants', { model: 'm' })).toBe(200);
  expect(await status('/assistants', { model: 'n' })).toBe(400);
  expect(await status('/threads', {})).toBe(400);
  const { run, threadId } = await pausedRun();
  const path = `/threads/${threadId}/runs/${run.id}/submit_tool_outputs`;
  const [first, second] = [randomUUID(), outputsFor(run, 'other')];
  const answer = await post(path, { tool_outputs: outputsFor(run, 'one') }, first);
  expect(answer.status).toBe(200);
  const reused = await post(path, { tool_outputs: second }, first);
  expect(await reused.json()).toMatchObject({ error: { code: 'idempotency_key_reused' } });
  const { steps } = await checkRun(env, run);
  expect(JSON.stringify(steps[0])).toContain('"output":"one"');
});

test('does not remember a request that was refused', async () => {
  const key = randomUUID();
  expect((await post('/assistants', { model: 7 }, key)).status).toBe(400);
  expect((await post('/assistants', { model: 'm' }, key)).status).toBe(200);

  const { run, threadId } = await pausedRun();
  const path = `/threads/${threadId}/runs/${run.id}/submit_tool_outputs`;
  const second = randomUUID();
  expect((await post(path, { tool_outputs: [] }, second)).status).toBe(400);
  expect((await post(path, { tool_outputs: outputsFor(run) }, second)).status).toBe(200);
  await checkRun(env, run);
});

test('streams the same run again, while it lives and after it ended', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('One two three.')]);
  const body = { assistant_id: assistant.id, stream: true };
  const key = randomUUID();
  const path = `/threads/${threadId}/runs`;
  const [first, second] = await Promise.all([post(path, body, key), post(path, body, key)]);
  const [seen, again] = await Promise.all([readToDone(first), readToDone(second)]);
  const later = await readToDone(await post(path, body, key));
  expect(again).toEqual(seen);
  expect(later).toEqual(seen);
  expect(env.model.requests(model)).toHaveLength(1);
  const { id } = seen[0]!.data as { id: string };
  await checkRun(env, { id, thread_id: threadId }, [seen]);
});

test('goes on where a stream broke off when its request is sent again', async () => {
  const { assistant, threadId } = await setUp(env, [text('One two three.')]);
  const key = randomUUID();
  const send = (headers: Record<string, string>) =>
    env.fetch(`/v1/threads/${threadId}/runs`, {
      method: 'POST',
      body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
      headers: { 'idempotency-key': key, ...headers },
    });
  const seen = await readToDone(await send({}));
  expect(await readToDone(await send({ 'last-event-id': '5' }))).toEqual(seen.slice(5));
});

test('streams the rest of a run again for outputs that are sent twice', async () => {
  const { run, threadId, model } = await pausedRun();
  const path = `/threads/${threadId}/runs/${run.id}/submit_tool_outputs`;
  const body = { tool_outputs: outputsFor(run), stream: true };
  const key = randomUUID();
  const seen = await readToDone(await post(path, body, key));
  expect(seen[0]?.event).toBe('thread.run.step.completed');
  expect(await readToDone(await post(path, body, key))).toEqual(seen);
  expect(env.model.requests(model)).toHaveLength(2);
  await checkRun(env, run);
});

test('keeps the keys of two projects apart', async () => {
  const key = randomUUID();
  const apiKey = await createApiKey(env.pool, { projectName: randomUUID(), name: 'test' });
  const mine = await post('/assistants', { model: 'm' }, key);
  const theirs = await env.fetch('/v1/assistants', {
    method: 'POST',
    body: JSON.stringify({ model: 'other' }),
    headers: { 'idempotency-key': key, authorization: `Bearer ${apiKey}` },
  });
  expect([mine.status, theirs.status]).toEqual([200, 200]);
  expect(await theirs.json()).toMatchObject({ model: 'other' });
});

test('takes any key of 1 to 255 printable characters', async () => {
  for (const key of ['a', 'x'.repeat(255), 'any key: "with" signs!']) {
    expect((await post('/threads', { metadata: { key: key.length.toString() } }, key)).status).toBe(
      200,
    );
  }
  for (const key of ['', 'x'.repeat(256), 'é']) {
    const refused = await post('/threads', {}, key);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({
      error: {
        message:
          "Invalid 'Idempotency-Key': expected between 1 and 255 printable ASCII characters.",
        type: 'invalid_request_error',
        param: 'Idempotency-Key',
        code: 'invalid_value',
      },
    });
  }
});

test('forgets a key after a day', async () => {
  const key = randomUUID();
  const create = async () =>
    ((await (await post('/assistants', { model: 'm' }, key)).json()) as { id: string }).id;
  const first = await create();
  expect(await create()).toBe(first);
  await env.pool.query(
    `update idempotency_keys set created_at = created_at - interval '25 hours' where key = $1`,
    [key],
  );
  expect(await create()).not.toBe(first);
});

/** Each POST that takes a key, ready to be sent once: its path, and its body or form. */
const ROUTES: Record<string, () => Promise<{ path: string; body: object | FormPart[] }>> = {
  assistants: async () => ({ path: '/assistants', body: { model: 'm' } }),
  threads: async () => ({ path: '/threads', body: {} }),
  'vector stores': async () => ({
    path: '/vector_stores',
    body: { file_ids: [await sharedFile()] },
  }),
  messages: async () => ({
    path: `/threads/${await threadId()}/messages`,
    body: { role: 'user', content: 'Hi' },
  }),
  runs: async () => ({
    path: `/threads/${await threadId()}/runs`,
    body: { assistant_id: await sharedAssistant() },
  }),
  'threads and runs': async () => ({
    path: '/threads/runs',
    body: { assistant_id: await sharedAssistant() },
  }),
  'tool outputs': async () => {
    const { run, threadId: thread } = await pausedRun();
    const body = { tool_outputs: outputsFor(run) };
    return { path: `/threads/${thread}/runs/${run.id}/submit_tool_outputs`, body };
  },
  'files of stores': async () => ({
    path: `/vector_stores/${await storeId()}/files`,
    body: { file_id: await sharedFile() },
  }),
  batches: async () => ({
    path: `/vector_stores/${await storeId()}/file_batches`,
    body: { file_ids: [await sharedFile()] },
  }),
  files: async () => ({
    path: '/files',
    body: [
      { name: 'purpose', content: 'user_data' },
      { name: 'file', filename: 'a.txt', content: 'x' },
    ],
  }),
  uploads: async () => ({ path: '/uploads', body: UPLOAD }),
  parts: async () => ({
    path: `/uploads/${(await env.client.uploads.create(UPLOAD)).id}/parts`,
    body: [{ name: 'data', filename: 'a.txt', content: 'x' }],
  }),
};

const UPLOAD = {
  filename: 'a.txt',
  purpose: 'vision',
  bytes: 1,
  mime_type: 'text/plain',
} as const;

const threadId = async () =>
  (await env.client.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] })).id;
const storeId = async () => (await env.client.vectorStores.create({ name: 'S' })).id;
const shared = (create: () => Promise<string>) => {
  let made: Promise<string> | undefined;
  return () => (made ??= create());
};
const sharedFile = shared(() => createFile(env.client));
const sharedAssistant = shared(
  async () =>
    (
      await setUp(
        env,
        Array.from({ length: 20 }, () => text('Ok.')),
      )
    ).assistant.id,
);

function send({ path, body }: { path: string; body: object | FormPart[] }, key: string) {
  if (!Array.isArray(body)) return post(path, body, key);
  const made = form(...(body as FormPart[]));
  const headers = { ...made.headers, 'idempotency-key': key };
  return env.fetch(`/v1${path}`, { method: 'POST', body: made.body, headers });
}

test('binds a key to its route and to what the route names, for every pair of routes', async () => {
  const others = await Promise.all(
    Object.entries(ROUTES).map(async ([name, prepare]) => ({ name, ...(await prepare()) })),
  );
  for (const [name, prepare] of Object.entries(ROUTES)) {
    const first = await prepare();
    const key = randomUUID();
    const answer = await send(first, key);
    expect(answer.status, name).toBe(200);
    const told = await answer.text();
    for (const other of others.filter(({ path }) => path !== first.path)) {
      const error = await errorOf(send(other, key));
      expect(error, `${name}, then ${other.name}`).toMatchObject({
        code: 'idempotency_key_reused',
      });
    }
    expect(await (await send(first, key)).text(), name).toBe(told);
  }
  // They were sound, and had no effect.
  for (const other of others) {
    expect((await send(other, randomUUID())).status, other.name).toBe(200);
  }
});

test('takes a key on the same path by another name as the same request', async () => {
  const { path, body } = await ROUTES['messages']!();
  const key = randomUUID();
  const first = await send({ path, body }, key);
  const again = await env.fetch(`/openai${path}?api-version=2024-05-01-preview`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'idempotency-key': key },
  });
  expect(await again.text()).toBe(await first.text());
});

test('goes on with the keys of version 0.1.0, which stored only a part of the path', async () => {
  const { path, body } = await ROUTES['messages']!();
  const elsewhere = await ROUTES['messages']!();
  const key = randomUUID();
  const first = await (await send({ path, body }, key)).text();
  const former = createHash('sha256')
    .update(JSON.stringify(['POST', '/', body]))
    .digest();
  await env.pool.query('update idempotency_keys set request_hash = $1 where key = $2', [
    former,
    key,
  ]);
  expect(await (await send({ path, body }, key)).text()).toBe(first);
  for (const other of [elsewhere, { path, body: { role: 'user', content: 'Bye' } }]) {
    expect(await errorOf(send(other, key))).toMatchObject({ code: 'idempotency_key_reused' });
  }
});

/** The name under which version 0.1.0 stored what a route answers, as the object or as a row that has its fields. */
const FORMER_NAMES: Record<string, string> = {
  assistants: 'assistant',
  threads: 'thread',
  messages: 'message',
  runs: 'run',
  'tool outputs': 'run',
  files: 'file',
  uploads: 'upload',
  parts: 'part',
};

test.for(Object.entries(FORMER_NAMES))(
  'goes on with the answer to %s that version 0.1.0 stored',
  async ([route, name]) => {
    const request = await ROUTES[route]!();
    const key = randomUUID();
    const first = await (await send(request, key)).text();
    await env.pool.query(
      `update idempotency_keys set response = json_build_object($2::text, response -> 'object') where key = $1`,
      [key, name],
    );
    expect(await (await send(request, key)).text()).toBe(first);
  },
);

test('goes on with rows of vector stores that version 0.1.0 stored', async () => {
  const request = await ROUTES['vector stores']!();
  const key = randomUUID();
  const first = await (await send(request, key)).json();
  await env.pool.query(
    `update idempotency_keys set response = json_build_object('row', (response -> 'object')::jsonb
       || (response -> 'object' -> 'file_counts')::jsonb || '{"expires_after_days": null, "expired": false}') where key = $1`,
    [key],
  );
  expect(await (await send(request, key)).json()).toEqual(first);
});
