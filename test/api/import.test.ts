/** Objects of another server come in with their ids, through the operations of administrators. */
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { indexMessages } from '../../db/threads/message-words.ts';
import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { settled } from '../support/stores.ts';

let env: Environment;
let admin: OpenAI;
beforeAll(async () => {
  env = await Environment.start({ config: { downloadAssistantsFiles: true } });
  admin = await adminOf('copies');
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

async function adminOf(projectName: string): Promise<OpenAI> {
  const scopes = ['read', 'run', 'files', 'admin'] as const;
  return env.clientFor(await createApiKey(env.pool, { projectName, name: 'import', scopes }));
}

type Answer = { created: boolean; imported: { id: string; created_at: number } };

const send = (body: object, client = admin): Promise<Answer> =>
  client.post('/threadmill/import', { body });

function sendFile(id: string, created_at: number, content: string): Promise<Answer> {
  const body = new FormData();
  for (const [name, value] of Object.entries({ id, created_at, purpose: 'assistants' })) {
    body.set(name, String(value));
  }
  body.set('file', new Blob([content]), 'harbour.txt');
  return admin.post('/threadmill/import/files', { body });
}

const THEN = 1_700_000_000;
const assistant = (id: string, created_at: number) => ({
  id,
  object: 'assistant',
  created_at,
  name: id,
  description: null,
  model: 'm',
  instructions: 'Be kind.',
  tools: [],
  top_p: 1,
  temperature: 1,
  reasoning_effort: null,
  tool_resources: {},
  metadata: { from: 'far' },
  response_format: 'auto',
});
const thread = (id: string, created_at: number) => ({
  id,
  object: 'thread',
  created_at,
  metadata: { from: 'far' },
  tool_resources: {},
});
const message = (id: string, thread_id: string, created_at: number, value: string) => ({
  id,
  object: 'thread.message',
  created_at,
  thread_id,
  role: 'assistant',
  content: [
    {
      type: 'text',
      text: {
        value,
        annotations: [
          {
            type: 'file_citation',
            text: '【4:0†source】',
            start_index: 0,
            end_index: 3,
            file_citation: { file_id: 'file-gone' },
          },
        ],
      },
    },
  ],
  attachments: [{ file_id: 'file-gone', tools: [{ type: 'file_search' }] }],
  metadata: { n: '1' },
  assistant_id: 'asst_zzz',
  run_id: 'run_zzz',
  status: 'completed',
  incomplete_details: null,
  incomplete_at: null,
  completed_at: created_at + 2,
});

async function codeOf(answer: Promise<unknown>): Promise<[number?, unknown?]> {
  const error = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown as { status: number; code: unknown },
  );
  return [error?.status, error?.code];
}

test('objects keep ids and times, and lists have them in the order of their creation', async () => {
  const given = [assistant('asst_zz', THEN), assistant('asst_aa', THEN + 5)];
  given.push(assistant('asst_mm', THEN + 5));
  for (const one of given) expect(await send(one)).toMatchObject({ created: true, imported: one });
  const own = await admin.beta.assistants.create({ model: 'm' });
  const listed = await admin.beta.assistants.list({ order: 'asc' });
  expect(listed.data).toEqual([...given, own]);
  const after = await admin.beta.assistants.list({ order: 'asc', after: 'asst_aa' });
  expect(after.data.map(({ id }) => id)).toEqual(['asst_mm', own.id]);
  await admin.beta.assistants.delete('asst_aa');
  const still = await admin.beta.assistants.list({ order: 'asc', after: 'asst_aa', limit: 1 });
  expect(still.data.map(({ id }) => id)).toEqual(['asst_mm']);
});

test('an id comes in once, and never in place of the object of another project', async () => {
  const one = assistant('asst_once', THEN);
  expect(await send(one)).toMatchObject({ created: true });
  const again = await send({ ...one, name: 'changed' });
  expect(again).toMatchObject({ created: false, imported: one });
  const others = await adminOf('others');
  expect(await codeOf(send(one, others))).toEqual([400, 'id_taken']);
  expect(await codeOf(send(assistant('thread_x', THEN)))).toEqual([400, 'invalid_value']);
  expect(await codeOf(send(one, env.client))).toEqual([403, null]);
});

test('a thread comes in with its messages, and goes on with a run', async () => {
  await send(thread('thread_far', THEN));
  const sent = ['Ships came in.', 'Storks came in.'].map((value, n) =>
    message(`msg_${9 - n}`, 'thread_far', THEN + n, value),
  );
  for (const one of sent) expect(await send(one)).toMatchObject({ created: true, imported: one });
  expect(await send(sent[0]!)).toMatchObject({ created: false, imported: sent[0]! });
  const { threads } = admin.beta;
  expect((await threads.messages.list('thread_far', { order: 'asc' })).data).toEqual(sent);

  env.model.script('m', text('All is well.'));
  await send(assistant('asst_runs', THEN));
  const run = await threads.runs.createAndPoll('thread_far', { assistant_id: 'asst_runs' });
  expect(run.status).toBe('completed');
  expect(JSON.stringify(env.model.requests('m').at(-1))).toContain('Storks came in.');
  const [newest] = (await threads.messages.list('thread_far')).data;
  expect(newest!.content).toMatchObject([{ text: { value: 'All is well.' } }]);
});

test('threads and messages are found by age, metadata and words', async () => {
  const own = await admin.beta.threads.create({ metadata: { from: 'far', kind: 'found' } });
  for (const [id, at] of [['thread_zy', 0] as const, ['thread_ab', 60] as const]) {
    const kept = { ...thread(id, THEN + at), metadata: { from: 'far', kind: 'found' } };
    await send(kept);
    await send(message(`msg_${id}`, id, THEN + at, 'A walrus sings.'));
  }
  const threads = async (query: object) => {
    const page = await admin.get<{ data: { id: string }[] }>('/threads', { query });
    return page.data.map(({ id }) => id);
  };
  const found = { 'metadata[kind]': 'found' };
  expect(await threads(found)).toEqual([own.id, 'thread_ab', 'thread_zy']);
  expect(await threads({ ...found, after: 'thread_ab' })).toEqual(['thread_zy']);
  const window = { created_after: THEN + 30, created_before: THEN + 90 };
  expect(await threads(window)).toEqual(['thread_ab']);
  await admin.beta.threads.update('thread_ab', { metadata: { from: 'near' } });
  expect(await threads(found)).toEqual([own.id, 'thread_zy']);

  while ((await indexMessages(env.pool, 100)) > 0);
  const search = async (query: object) => {
    const path = '/threadmill/messages/search';
    const page = await admin.get<{ data: { id: string }[] }>(path, { query });
    return page.data.map(({ id }) => id);
  };
  const walrus = { text: 'walrus' };
  await expect.poll(() => search(walrus)).toEqual(['msg_thread_ab', 'msg_thread_zy']);
  expect(await search({ ...walrus, after: 'msg_thread_ab' })).toEqual(['msg_thread_zy']);
  expect(await search({ ...walrus, created_before: THEN + 30 })).toEqual(['msg_thread_zy']);
  await admin.beta.threads.messages.delete('msg_thread_zy', { thread_id: 'thread_zy' });
  expect(await search(walrus)).toEqual(['msg_thread_ab']);
});

test('a store is filled anew from files with ids of any shape', async () => {
  const id = 'assistant-Zb9wXyT3kLmN0pQrStUvWx';
  const sent = await sendFile(id, THEN, 'The harbour master counts herons.');
  expect(sent).toMatchObject({ created: true, imported: { id, created_at: THEN } });
  expect(await sendFile(id, THEN, 'Other words.')).toMatchObject({ created: false });
  expect(await (await admin.files.content(id)).text()).toContain('herons');

  const store = { id: 'vs_far', object: 'vector_store', created_at: THEN, name: 'Far' };
  expect(
    await send({ ...store, expires_after: { anchor: 'last_active_at', days: 9 } }),
  ).toMatchObject({ created: true, imported: { ...store, expires_after: { days: 9 } } });
  const chunking_strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 50 },
  };
  const file = { id, object: 'vector_store.file', created_at: THEN + 1, vector_store_id: 'vs_far' };
  const whole = { ...file, attributes: { year: 2024 }, chunking_strategy };
  expect(await send(whole)).toMatchObject({ created: true, imported: whole });
  expect(await settled(admin, 'vs_far', id)).toMatchObject({ ...whole, status: 'completed' });
  expect(await send(whole)).toMatchObject({ created: false });
  const found = await admin.vectorStores.search('vs_far', { query: 'herons' });
  expect(found.data).toMatchObject([{ file_id: id, attributes: { year: 2024 } }]);
  expect(await codeOf(send({ ...whole, id: 'file-gone' }))).toEqual([404, null]);
  const { rows } = await env.pool.query(
    `select type, resource_id from audit_events where type like '%.imported' and resource_id in ($1, 'vs_far') order by id`,
    [id],
  );
  const of = (type: string, resource_id: string) => ({ type, resource_id });
  expect(rows).toEqual([
    of('file.imported', id),
    of('object.imported', 'vs_far'),
    of('object.imported', id),
  ]);
  const blobs = await env.pool.query(
    'select id from blobs where id not in (select blob_id from files)',
  );
  expect(blobs.rows).toEqual([]);
});
