/** Lists of all threads and runs of a project, and the search of its messages, through the official client. */
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { indexMessages } from '../../db/threads/message-words.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import { setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

type Query = Record<string, unknown>;

async function page(client: OpenAI, path: string, query: Query = {}) {
  return client.get<ListEnvelope<{ id: string }>>(path, { query });
}

const idsOf = async (client: OpenAI, path: string, query: Query = {}) =>
  (await page(client, path, query)).data.map(({ id }) => id);

async function makeThreads(client: OpenAI, count: number, metadata: Record<string, string> = {}) {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    ids.unshift((await client.beta.threads.create({ metadata })).id);
  }
  return ids;
}

test('every thread of the project is listed, a page at a time, in either order', async () => {
  const client = await env.otherClient();
  const ids = await makeThreads(client, 5);
  expect(await idsOf(client, '/threads')).toEqual(ids);
  expect(await page(client, '/threads', { limit: 2 })).toEqual({
    object: 'list',
    data: await Promise.all(ids.slice(0, 2).map((id) => client.beta.threads.retrieve(id))),
    first_id: ids[0],
    last_id: ids[1],
    has_more: true,
  });
  expect(await idsOf(client, '/threads', { order: 'asc', limit: 2 })).toEqual([ids[4], ids[3]]);
  expect(await idsOf(client, '/threads', { after: ids[2] })).toEqual(ids.slice(3));
  expect(await idsOf(client, '/threads', { before: ids[2], limit: 1 })).toEqual([ids[1]]);
  expect(await idsOf(await env.otherClient(), '/threads')).toEqual([]);
});

test('a thread that was deleted is still a place of its list, and no other kind of id is', async () => {
  const client = await env.otherClient();
  const ids = await makeThreads(client, 3);
  await client.beta.threads.delete(ids[1]!);
  expect(await idsOf(client, '/threads', { after: ids[1] })).toEqual([ids[2]]);
  for (const param of ['after', 'before']) {
    await expect(page(client, '/threads', { [param]: 'run_x' })).rejects.toMatchObject({
      status: 400,
      code: 'invalid_value',
      param,
    });
  }
});

test('threads are found by all pairs of the metadata that is asked for, as it is now', async () => {
  const client = await env.otherClient();
  const [tutor] = await makeThreads(client, 1, { app: 'tutor', 'a key]': '学' });
  const [both] = await makeThreads(client, 1, { app: 'tutor', user: 'ann' });
  await makeThreads(client, 2, { app: 'other' });
  const find = (metadata: Record<string, string>) => idsOf(client, '/threads', { metadata });
  expect(await find({ app: 'tutor' })).toEqual([both, tutor]);
  expect(await find({ app: 'tutor', user: 'ann' })).toEqual([both]);
  expect(await find({ 'a key]': '学' })).toEqual([tutor]);
  expect(await find({ app: 'tut' })).toEqual([]);
  await client.beta.threads.update(both!, { metadata: { user: 'ben' } });
  expect(await find({ app: 'tutor' })).toEqual([tutor]);
  expect(await find({ user: 'ben' })).toEqual([both]);
  expect(await find({ user: '' })).toEqual([]);
  await client.beta.threads.update(both!, { metadata: { user: '' } });
  expect(await find({ user: '' })).toEqual([both]);
  await client.beta.threads.delete(tutor!);
  expect(await find({ app: 'tutor' })).toEqual([]);
  const { rows } = await env.pool.query('select from metadata_pairs where id = $1', [tutor]);
  expect(rows).toEqual([]);
  await expect(page(client, '/threads', { metadata: 'app' })).rejects.toMatchObject({
    status: 400,
    param: 'metadata',
  });
});

test('threads are found by when they were created', async () => {
  const client = await env.otherClient();
  const ids = await makeThreads(client, 3);
  await env.pool.query('update threads set created_at = created_at - 100 where id = $1', [ids[2]]);
  const { created_at } = await client.beta.threads.retrieve(ids[2]!);
  const find = (query: Query) => idsOf(client, '/threads', query);
  expect(await find({ created_after: created_at })).toEqual(ids.slice(0, 2));
  expect(await find({ created_before: created_at + 1 })).toEqual([ids[2]]);
  expect(await find({ created_after: created_at - 1, limit: 2 })).toEqual(ids.slice(0, 2));
  expect(await find({ created_after: 2_000_000_000 })).toEqual([]);
});

test('runs of all threads are found by status, assistant, model, thread, batch, metadata and time', async () => {
  const held = hold(text('Slow.'), { afterChunks: 0 });
  const one = await setUp(env, [text('Ok.')]);
  const other = await setUp(env, [held.reply]);
  const { runs } = env.client.beta.threads;
  const metadata = { lesson: '1' };
  const ended = await runs.createAndPoll(one.threadId, {
    assistant_id: one.assistant.id,
    metadata,
  });
  const active = await runs.create(other.threadId, { assistant_id: other.assistant.id });
  await held.reached;
  const path = '/threadmill/runs';
  const find = (query: Query) => idsOf(env.client, path, query);
  expect(await find({})).toEqual([active.id, ended.id]);
  expect((await page(env.client, path)).data[1]).toEqual(
    await runs.retrieve(ended.id, { thread_id: one.threadId }),
  );
  for (const query of [
    { status: 'completed' },
    { assistant_id: one.assistant.id },
    { thread_id: one.threadId },
    { model: ended.model },
    { metadata },
    { metadata, status: 'completed', created_after: ended.created_at - 1 },
  ]) {
    expect(await find(query), JSON.stringify(query)).toEqual([ended.id]);
  }
  expect(await find({ status: 'in_progress' })).toEqual([active.id]);
  expect(await find({ batch_id: 'batch_1' })).toEqual([]);
  await expect(find({ status: 'running' })).rejects.toMatchObject({ status: 400, param: 'status' });
  expect(await idsOf(await env.otherClient(), path)).toEqual([]);
  held.release();
});

const SEARCH = '/threadmill/messages/search';

test('messages are found by their words, in any form and in scripts without spaces', async () => {
  const client = await env.otherClient();
  const { id: thread } = await client.beta.threads.create();
  const add = async (content: string, to = thread) =>
    (await client.beta.threads.messages.create(to, { role: 'user', content })).id;
  const plots = await add('Please plot the parabolas: café, to be or not to be.');
  const chinese = await add('请画出二次函数的图像');
  const elsewhere = await add('A parabola again', (await client.beta.threads.create()).id);
  const find = (query: Query) => idsOf(client, SEARCH, query);
  await expect
    .poll(() => find({ text: 'parabola' }), { timeout: 20_000 })
    .toEqual([elsewhere, plots]);
  expect(await find({ text: 'plotting PARABOLAS' })).toEqual([plots]);
  expect(await find({ text: 'cafe or not to be' })).toEqual([plots]);
  expect(await find({ text: '二次函数' })).toEqual([chinese]);
  expect(await find({ text: '图' })).toEqual([chinese]);
  expect(await find({ text: 'parabola', thread_id: thread })).toEqual([plots]);
  expect(await find({ text: 'parabola', limit: 1 })).toEqual([elsewhere]);
  expect(await find({ text: 'parabola', after: elsewhere })).toEqual([plots]);
  expect(await find({ text: 'parabola', before: plots, order: 'desc' })).toEqual([elsewhere]);
  expect(await find({ text: 'parabola', created_before: 1 })).toEqual([]);
  expect(await find({ text: "parabola's & !('x" })).toEqual([]);
  expect(await find({ text: '?!' })).toEqual([]);
  expect((await page(client, SEARCH, { text: 'plot' })).data[0]).toEqual(
    await client.beta.threads.messages.retrieve(plots, { thread_id: thread }),
  );
  expect(await idsOf(await env.otherClient(), SEARCH, { text: 'parabola' })).toEqual([]);
  await client.beta.threads.messages.delete(plots, { thread_id: thread });
  expect(await find({ text: 'parabola' })).toEqual([elsewhere]);
  const { rows } = await env.pool.query('select from message_words where message_id = $1', [plots]);
  expect(rows).toEqual([]);
});

test('an answer is found once it is whole, and a long message by words all over it', async () => {
  const { assistant, threadId } = await setUp(env, [text('Kangaroos jump.')]);
  await env.client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const find = (words: string) => idsOf(env.client, SEARCH, { text: words });
  await expect.poll(() => find('kangaroo'), { timeout: 20_000 }).toHaveLength(1);
  const long = (at: number) => (at % 100 === 0 ? `marker${at}` : 'wallaby');
  const content = Array.from({ length: 20_000 }, (_, at) => long(at)).join(' ');
  const { id } = await env.client.beta.threads.messages.create(threadId, { role: 'user', content });
  await expect
    .poll(() => find('marker0 marker19900 marker10000'), { timeout: 20_000 })
    .toEqual([id]);
  for (let at = 0; at < 20_000; at += 1_700) expect(await find(`marker${at}`)).toEqual([id]);
});

test('messages from before the index are indexed by the next worker', async () => {
  const { id } = (
    await env.client.beta.threads.messages.list(
      (await env.client.beta.threads.create({ messages: [{ role: 'user', content: 'quokka' }] }))
        .id,
    )
  ).data[0]!;
  const find = () => idsOf(env.client, SEARCH, { text: 'quokka' });
  await expect.poll(find, { timeout: 20_000 }).toEqual([id]);
  await env.pool.query('delete from message_words where message_id = $1', [id]);
  expect(await find()).toEqual([]);
  await env.pool.query(
    'insert into unindexed_messages (project_id, message_id) select project_id, id from messages where id = $1',
    [id],
  );
  await indexMessages(env.pool, 1_000);
  await expect.poll(find, { timeout: 20_000 }).toEqual([id]);
});
