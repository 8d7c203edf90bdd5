import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const textOf = (value: string) => [{ type: 'text', text: { value, annotations: [] } }];

test('creates an empty thread, with or without a body', async () => {
  const thread = await env.client.beta.threads.create();
  expect(thread).toEqual({
    id: expect.stringMatching(/^thread_[0-9A-Za-z]{24}$/),
    object: 'thread',
    created_at: expect.any(Number),
    metadata: {},
    tool_resources: {},
  });
  expect(await env.client.beta.threads.retrieve(thread.id)).toEqual(thread);
  const bare = await env.fetch('/v1/threads', { method: 'POST' });
  expect(bare.status).toBe(200);
});

test('creates a thread with its first messages in order', async () => {
  const { threads } = env.client.beta;
  const file_ids = [await createFile(env.client)];
  const thread = await threads.create({
    messages: [
      { role: 'user', content: 'One', metadata: { n: '1' } },
      { role: 'assistant', content: [{ type: 'text', text: 'Two' }] },
    ],
    metadata: { user: 'Jane' },
    tool_resources: { code_interpreter: { file_ids } },
  });
  expect(thread).toMatchObject({
    metadata: { user: 'Jane' },
    tool_resources: { code_interpreter: { file_ids } },
  });
  const { data } = await threads.messages.list(thread.id, { order: 'asc' });
  expect(data.map(({ role, content, metadata }) => [role, content, metadata])).toEqual([
    ['user', textOf('One'), { n: '1' }],
    ['assistant', textOf('Two'), {}],
  ]);
});

test('creates no thread when one of its messages is refused', async () => {
  const count = async () => (await env.pool.query('select from threads')).rowCount;
  const before = await count();
  const refused = env.client.beta.threads.create({
    messages: [
      { role: 'user', content: 'Fine' },
      { role: 'user', content: '' },
    ],
  });
  await expect(refused).rejects.toMatchObject({
    status: 400,
    error: { param: 'messages[1].content' },
  });
  expect(await count()).toBe(before);
});

test('changes metadata and tool resources of a thread, and clears them', async () => {
  const { threads } = env.client.beta;
  const thread = await threads.create({ metadata: { a: '1', b: '2' } });
  expect(await threads.update(thread.id, {})).toEqual(thread);
  expect(await threads.update(thread.id, { metadata: { c: '3' } })).toEqual({
    ...thread,
    metadata: { c: '3' },
  });
  const tool_resources = { code_interpreter: { file_ids: [await createFile(env.client)] } };
  expect(await threads.update(thread.id, { tool_resources })).toMatchObject({
    metadata: { c: '3' },
    tool_resources,
  });
  expect(await threads.update(thread.id, { metadata: null })).toMatchObject({
    metadata: {},
    tool_resources,
  });
});

test('deletes a thread with everything in it', async () => {
  const { threads } = env.client.beta;
  const { id } = await threads.create({ messages: [{ role: 'user', content: 'Hi' }] });
  const { data } = await threads.messages.list(id);
  expect(await threads.delete(id)).toEqual({ id, object: 'thread.deleted', deleted: true });
  const missing = { status: 404, error: { message: `No thread found with id '${id}'.` } };
  await expect(threads.retrieve(id)).rejects.toMatchObject(missing);
  await expect(threads.delete(id)).rejects.toMatchObject(missing);
  await expect(threads.messages.list(id)).rejects.toMatchObject(missing);
  const gone = await env.pool.query('select from messages where id = $1', [data[0]?.id]);
  expect(gone.rowCount).toBe(0);
});

test('gives a message every key of the wire, completed from the start', async () => {
  const { threads } = env.client.beta;
  const thread = await threads.create();
  const message = await threads.messages.create(thread.id, { role: 'user', content: 'Héllo 🎉' });
  const { id, created_at } = message;
  expect(id).toMatch(/^msg_[0-9A-Za-z]{24}$/);
  const expected = {
    id,
    object: 'thread.message',
    created_at,
    assistant_id: null,
    thread_id: thread.id,
    run_id: null,
    status: 'completed',
    incomplete_details: null,
    incomplete_at: null,
    completed_at: message.completed_at,
    role: 'user',
    content: textOf('Héllo 🎉'),
    attachments: [],
    metadata: {},
  };
  expect(message.completed_at).toBeGreaterThanOrEqual(created_at);
  const raw = await env.fetch(`/v1/threads/${thread.id}/messages/${id}`);
  expect(JSON.parse(await raw.text())).toEqual(expected);
  expect(Object.keys(message)).toEqual(Object.keys(expected));
});

test('keeps parts of every kind, and the details of images', async () => {
  const { threads } = env.client.beta;
  const thread = await threads.create();
  const url = 'https://example.com/a.png';
  const [a, b] = [await createFile(env.client), await createFile(env.client)];
  const message = await threads.messages.create(thread.id, {
    role: 'user',
    content: [
      { type: 'text', text: 'Look:' },
      { type: 'image_url', image_url: { url } },
      { type: 'image_url', image_url: { url, detail: 'high' } },
      { type: 'image_file', image_file: { file_id: a } },
      { type: 'text', text: 'And?' },
    ],
    attachments: [{ file_id: b, tools: [{ type: 'code_interpreter' }] }],
    metadata: { k: 'v' },
  });
  expect(message).toMatchObject({
    content: [
      ...textOf('Look:'),
      { type: 'image_url', image_url: { url, detail: 'auto' } },
      { type: 'image_url', image_url: { url, detail: 'high' } },
      { type: 'image_file', image_file: { file_id: a, detail: 'auto' } },
      ...textOf('And?'),
    ],
    attachments: [{ file_id: b, tools: [{ type: 'code_interpreter' }] }],
    metadata: { k: 'v' },
  });
  expect(await threads.messages.retrieve(message.id, { thread_id: thread.id })).toEqual(message);
});

test('changes only the metadata of a message', async () => {
  const { threads } = env.client.beta;
  const { id: thread_id } = await threads.create();
  const message = await threads.messages.create(thread_id, {
    role: 'user',
    content: 'Hi',
    metadata: { a: '1' },
  });
  const update = (metadata: Record<string, string> | null) =>
    threads.messages.update(message.id, { thread_id, metadata });
  expect(await update({ b: '2' })).toEqual({ ...message, metadata: { b: '2' } });
  expect(await threads.messages.update(message.id, { thread_id })).toMatchObject({
    metadata: { b: '2' },
  });
  expect(await update(null)).toEqual({ ...message, metadata: {} });
});

test('deletes one message and leaves the others', async () => {
  const { threads } = env.client.beta;
  const { id: thread_id } = await threads.create();
  const create = (content: string) => threads.messages.create(thread_id, { role: 'user', content });
  const [a, b, c] = [await create('a'), await create('b'), await create('c')];
  expect(await threads.messages.delete(b.id, { thread_id })).toEqual({
    id: b.id,
    object: 'thread.message.deleted',
    deleted: true,
  });
  const { data } = await threads.messages.list(thread_id);
  expect(data.map(({ id }) => id)).toEqual([c.id, a.id]);
  const missing = { status: 404, error: { message: `No message found with id '${b.id}'.` } };
  await expect(threads.messages.retrieve(b.id, { thread_id })).rejects.toMatchObject(missing);
  await expect(threads.messages.delete(b.id, { thread_id })).rejects.toMatchObject(missing);
});

test('finds a message only in its own thread', async () => {
  const { threads } = env.client.beta;
  const [here, there] = [await threads.create(), await threads.create()];
  const message = await threads.messages.create(here.id, { role: 'user', content: 'Hi' });
  const at = { thread_id: there.id };
  const missing = { status: 404, error: { message: `No message found with id '${message.id}'.` } };
  await expect(threads.messages.retrieve(message.id, at)).rejects.toMatchObject(missing);
  await expect(threads.messages.update(message.id, at)).rejects.toMatchObject(missing);
  await expect(threads.messages.delete(message.id, at)).rejects.toMatchObject(missing);
});

test('orders messages that arrive at once', async () => {
  const { threads } = env.client.beta;
  const { id } = await threads.create();
  const created = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      threads.messages.create(id, { role: 'user', content: String(n) }),
    ),
  );
  const { data } = await threads.messages.list(id, { limit: 100, order: 'asc' });
  expect(data.map((message) => message.id).sort()).toEqual(created.map((one) => one.id).sort());
  const times = data.map(({ created_at }) => created_at);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});
