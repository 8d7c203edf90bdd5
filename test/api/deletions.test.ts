/** What is deleted is gone from every table, and an Idempotency-Key that made it makes no other. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import { createFile } from '../support/files.ts';
import { tablesWith } from '../support/find-text.ts';
import { form } from '../support/forms.ts';
import { passNow } from '../support/operator.ts';
import { checkRun, CODE, outputsFor, reached, readLog, WEATHER } from '../support/runs.ts';
import { settled } from '../support/stores.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

/** A word that nothing else has. */
const newMarker = () => `mrk${randomUUID().replaceAll('-', '')}`;

type Sent = {
  path: string;
  body: RequestInit['body'];
  key: string;
  headers?: Record<string, string>;
};

function send({ path, body, key, headers = {} }: Sent): Promise<Response> {
  const init = { method: 'POST', body, headers: { ...headers, 'idempotency-key': key } };
  return env.fetch(`/v1${path}`, init);
}

/** Requests with keys, which are remembered to be sent again. */
function keyed() {
  const sent: Sent[] = [];
  const post = async <T extends object = { id: string }>(
    path: string,
    body: object,
  ): Promise<T> => {
    const request = { path, body: JSON.stringify(body), key: randomUUID() };
    sent.push(request);
    const answer = await send(request);
    expect(answer.status, path).toBe(200);
    return (await answer.json()) as T;
  };
  return { sent, post };
}

/** Sent again, each is refused for the same reason, and nothing is there that was not there before. */
async function expectUsedUp(sent: Sent[]): Promise<void> {
  const before = await sizes();
  for (const request of sent) {
    const answer = await send(request);
    expect(answer.status, request.path).toBe(404);
    expect(await answer.json()).toEqual({
      error: {
        message: "What this 'Idempotency-Key' has created was deleted.",
        type: 'invalid_request_error',
        param: 'Idempotency-Key',
        code: 'idempotent_object_deleted',
      },
    });
  }
  expect(await sizes()).toEqual(before);
}

/** Brings the reconciler's next passes forward until the text is gone. */
async function expectErased(word: string): Promise<void> {
  const pass = async () => {
    await env.pool.query('update pending_erasures set due_at = clock_timestamp()');
    await passNow(env.pool);
    expect(await tablesWith(env.pool, word)).toEqual([]);
    expect((await env.pool.query('select from pending_erasures')).rowCount).toBe(0);
  };
  await vi.waitFor(pass, { timeout: 60_000, interval: 1_000 });
}

async function sizes(): Promise<unknown> {
  const tables = ['assistants', 'threads', 'messages', 'runs', 'files', 'vector_stores', 'uploads'];
  const counts = tables.map((table) => `(select count(*) from ${table}) as ${table}`);
  return (await env.pool.query(`select ${counts.join(', ')}`)).rows[0];
}

const assistantFor = async (...replies: Parameters<typeof env.model.script>[1][]) => {
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...replies);
  return env.client.beta.assistants.create({ model, tools: [CODE, WEATHER] });
};

test('a thread, with its runs, tool calls, Python, events and stored answers', async () => {
  const word = newMarker();
  const { post, sent } = keyed();
  const code = `kept = "${word}"\nopen("/mnt/data/${word}.txt", "w").write(kept)\nprint(kept)`;
  const { id: assistant_id } = await assistantFor(
    toolCalls([{ name: 'code_interpreter', arguments: { code } }]),
    toolCalls([{ name: 'get_weather', arguments: { city: word } }]),
    text(`It is ${word}.`),
    text(`Still ${word}.`),
  );
  const file_id = await createFile(env.client, 'plain');
  const attachments = [{ file_id, tools: [CODE, { type: 'file_search' }] }];
  const run = await post<{ id: string; thread_id: string }>('/threads/runs', {
    assistant_id,
    instructions: word,
    thread: { messages: [{ role: 'user', content: word, attachments }], metadata: { word } },
  });
  await reached(env, run, 'thread.run.requires_action');
  const runs = `/threads/${run.thread_id}/runs`;
  const paused = await env.client.beta.threads.runs.retrieve(run.id, run);
  await post(`${runs}/${run.id}/submit_tool_outputs`, { tool_outputs: outputsFor(paused, word) });
  await checkRun(env, run);
  await post(`/threads/${run.thread_id}/messages`, { role: 'user', content: word });
  const more = { assistant_id, additional_messages: [{ role: 'user', content: word }] };
  const second = await post(runs, { ...more, metadata: { word } });
  await checkRun(env, { id: second.id, thread_id: run.thread_id });
  expect(await tablesWith(env.pool, word)).toEqual(
    expect.arrayContaining(['blob_chunks', 'idempotency_keys', 'messages', 'run_events', 'runs']),
  );

  await env.client.beta.threads.delete(run.thread_id);
  expect(await tablesWith(env.pool, word)).toEqual([]);
  const ids = [[run.id, second.id]];
  const left = await env.pool.query('select from run_events where run_id = any($1)', ids);
  expect(left.rowCount).toBe(0);
  await expectUsedUp(sent);
  expect((await env.client.files.retrieve(file_id)).id).toBe(file_id);
});

test.each([
  {
    what: 'streams',
    held: (word: string) => hold(text(`One ${word} two ${word}`), { afterChunks: 2 }),
    begun: 'thread.message.delta',
  },
  {
    what: 'runs code',
    held: (word: string) => {
      const code = `import time\nw = "${word}"\nopen("/mnt/data/f", "w").write(w)\ntime.sleep(1)`;
      const reply = toolCalls([{ name: 'code_interpreter', arguments: { code } }]);
      return { reply, reached: Promise.resolve(), release: () => {} };
    },
    begun: 'thread.run.step.delta',
  },
])('a thread whose run $what, within a minute', async ({ held, begun }) => {
  const word = newMarker();
  const answer = held(word);
  const { id: assistant_id } = await assistantFor(answer.reply);
  const thread = { messages: [{ role: 'user' as const, content: word }] };
  const run = await env.client.beta.threads.createAndRun({ assistant_id, thread });
  await answer.reached;
  await reached(env, run, begun);
  await env.client.beta.threads.delete(run.thread_id);
  answer.release();
  await expectErased(word);
});

test('a message, and the stream of its run still comes to its end', async () => {
  const word = newMarker();
  const { post, sent } = keyed();
  const { id: assistant_id } = await assistantFor(text(`It is ${word}.`), text('Other.'));
  const thread_id = (await env.client.beta.threads.create()).id;
  const path = `/threads/${thread_id}/messages`;
  const asked = await post(path, { role: 'user', content: word, metadata: { word } });
  const run = await env.client.beta.threads.runs.createAndPoll(thread_id, { assistant_id });
  const before = await readLog(env, run);
  const { data } = await env.client.beta.threads.messages.list(thread_id, { run_id: run.id });
  // A worker has indexed the words of both.
  await vi.waitFor(
    async () =>
      expect(await tablesWith(env.pool, word)).toEqual([
        'idempotency_keys',
        'message_words',
        'messages',
        'run_events',
      ]),
    { timeout: 30_000, interval: 100 },
  );

  for (const { id } of [asked, data[0]!]) {
    await env.client.beta.threads.messages.delete(id, { thread_id });
  }
  expect(await tablesWith(env.pool, word)).toEqual([]);
  const after = await readLog(env, run);
  expect(after.map(({ id, event }) => [id, event])).toEqual(
    before.map(({ id, event }) => [id, event]),
  );
  await expectUsedUp(sent);
});

test('a file, in every store, when nothing else has its content', async () => {
  const word = newMarker();
  const name = newMarker();
  const { post, sent } = keyed();
  const made = form(
    { name: 'purpose', content: 'assistants' },
    { name: 'file', filename: `${name}.txt`, content: `The word is ${word}.` },
  );
  const request = { path: '/files', body: made.body, headers: made.headers, key: randomUUID() };
  sent.push(request);
  const file = (await (await send(request)).json()) as { id: string };
  const twin = await createFile(env.client, `The word is ${word}.`, 'twin.txt');
  const store = await env.client.vectorStores.create({ name: 'S' });
  const attributes = { name };
  await post(`/vector_stores/${store.id}/files`, { file_id: file.id, attributes });
  await env.client.vectorStores.files.create(store.id, { file_id: twin });
  for (const id of [file.id, twin]) await settled(env.client, store.id, id);

  await env.client.files.delete(file.id);
  expect(await tablesWith(env.pool, name)).toEqual([]);
  // The other file has it still.
  expect(await tablesWith(env.pool, word)).toEqual(['blob_chunks', 'chunks']);
  const page = await env.client.vectorStores.search(store.id, { query: word });
  expect(page.data.map(({ file_id }) => file_id)).toEqual([twin]);
  await env.client.files.delete(twin);
  expect(await tablesWith(env.pool, word)).toEqual([]);
  await expectUsedUp(sent);
});

test('a file that came in parts, with the name of its upload', async () => {
  const word = newMarker();
  const { post, sent } = keyed();
  const bytes = Buffer.from(`A ${word}`);
  const upload = await post('/uploads', {
    filename: `${word}.txt`,
    purpose: 'assistants',
    bytes: bytes.length,
    mime_type: 'text/plain',
  });
  const part = await env.client.uploads.parts.create(upload.id, {
    data: new File([bytes], 'part'),
  });
  const { file } = await env.client.uploads.complete(upload.id, { part_ids: [part.id] });
  expect(await tablesWith(env.pool, word)).toEqual([
    'blob_chunks',
    'files',
    'idempotency_keys',
    'uploads',
  ]);
  await env.client.files.delete(file!.id);
  expect(await tablesWith(env.pool, word)).toEqual([]);
  await expectUsedUp(sent);
});

test('a file that expired, within a minute', async () => {
  const word = newMarker();
  const id = await createFile(env.client, word, `${word}.txt`);
  await env.pool.query('update files set expires_at = unix_now() where id = $1', [id]);
  await expectErased(word);
});

test('a vector store, a file of one, and an assistant', async () => {
  const word = newMarker();
  const { post, sent } = keyed();
  const fields = { name: word, metadata: { word } };
  const store = await post('/vector_stores', { ...fields, description: word });
  const other = await env.client.vectorStores.create({ name: 'S' });
  const assistant = await post('/assistants', { model: 'm', instructions: word, ...fields });
  const file_id = await createFile(env.client);
  const files = [{ file_id, attributes: { word } }];
  await post(`/vector_stores/${store.id}/file_batches`, { files });
  await post(`/vector_stores/${other.id}/files`, files[0]!);
  expect(await tablesWith(env.pool, word)).toEqual([
    'assistants',
    'idempotency_keys',
    'vector_store_files',
    'vector_stores',
  ]);
  await env.client.vectorStores.delete(store.id);
  await env.client.vectorStores.files.delete(file_id, { vector_store_id: other.id });
  await env.client.beta.assistants.delete(assistant.id);
  expect(await tablesWith(env.pool, word)).toEqual([]);
  await expectUsedUp(sent);
});

test('a key of something else is not touched', async () => {
  const { post, sent } = keyed();
  const [first, second] = [await post('/threads', {}), await post('/threads', {})];
  await env.client.beta.threads.delete(first.id);
  expect(await (await send(sent[1]!)).json()).toMatchObject({ id: second.id });
  await expectUsedUp(sent.slice(0, 1));
});
