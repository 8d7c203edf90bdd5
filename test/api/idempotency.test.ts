import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey } from '../../db/api-keys.ts';
import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
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
  for (const key of ['a', 'x'.repeat(255), 'any key: "with" signs!'])
    expect((await post('/threads', { metadata: { key: key.length.toString() } }, key)).status).toBe(
      200,
    );
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
