/** Runs that wait for the active run of their thread: `x-threadmill.on_active_run`. */
import type { Run as SdkRun, RunCreateParams } from 'openai/resources/beta/threads/runs/runs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import type { Setup } from '../support/runs.ts';
import { eventsOf, readLog, setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

type Mode = 'reject' | 'queue' | 'cancel';
type Body = Partial<RunCreateParams>;

function create({ assistant, threadId }: Setup, mode?: Mode, body: Body = {}): Promise<SdkRun> {
  const params = { assistant_id: assistant.id, ...body };
  const asked =
    mode === undefined ? params : { ...params, 'x-threadmill': { on_active_run: mode } };
  return env.client.beta.threads.runs.create(threadId, { ...asked, stream: false });
}

const says = (content: string): Body => ({ additional_messages: [{ role: 'user', content }] });

async function get({ id, thread_id }: SdkRun): Promise<SdkRun> {
  return env.client.beta.threads.runs.retrieve(id, { thread_id });
}

async function untilStatus(run: SdkRun, status: string): Promise<SdkRun> {
  await expect.poll(async () => (await get(run)).status, { timeout: 40_000 }).toBe(status);
  return get(run);
}

/** A thread whose first run is held by its model, which has these answers more. */
async function busyThread(...answers: string[]) {
  const held = hold(text('First.'), { afterChunks: 0 });
  const setup = await setUp(env, [held.reply, ...answers.map((answer) => text(answer))]);
  const active = await create(setup);
  await held.reached;
  return { ...setup, held, active };
}

async function textsOf(threadId: string): Promise<string[]> {
  const { data } = await env.client.beta.threads.messages.list(threadId, { order: 'asc' });
  return data.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'text' ? [part.text.value] : [])),
  );
}

test('queued runs start one after the other, in order, and each reads what was said before it', async () => {
  const thread = await busyThread('Second.', 'Third.');
  const second = await create(thread, 'queue', says('Two?'));
  const third = await create(thread, 'queue', says('Three?'));
  expect([second.status, third.status]).toEqual(['queued', 'queued']);
  expect(await textsOf(thread.threadId)).toEqual(['Hi']);
  thread.held.release();
  const ended = [
    await untilStatus(third, 'completed'),
    await get(second),
    await get(thread.active),
  ];
  expect(ended.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
  expect(await textsOf(thread.threadId)).toEqual([
    'Hi',
    'First.',
    'Two?',
    'Second.',
    'Three?',
    'Third.',
  ]);
  const asked = env.model.requests(thread.model).map(({ body }) => body.messages.length);
  // With the instructions.
  expect(asked).toEqual([2, 4, 6]);
  const { data } = await env.client.beta.threads.runs.list(thread.threadId, { order: 'asc' });
  expect(data.map(({ id }) => id)).toEqual([thread.active.id, second.id, third.id]);
  const handle = env.temporal.workflow.getHandle(second.id);
  expect((await handle.fetchHistory()).events).toHaveLength(12);
});

test('a thread with an active run refuses others unless they ask to wait, and messages', async () => {
  const thread = await busyThread('Second.');
  const queued = await create(thread, 'queue');
  const refused = {
    status: 400,
    error: { message: `Thread ${thread.threadId} already has an active run ${thread.active.id}.` },
  };
  await expect(create(thread)).rejects.toMatchObject(refused);
  await expect(create(thread, 'reject')).rejects.toMatchObject(refused);
  await expect(create(thread, 'later' as Mode)).rejects.toMatchObject({
    status: 400,
    param: 'x-threadmill.on_active_run',
  });
  const { messages } = env.client.beta.threads;
  await expect(
    messages.create(thread.threadId, { role: 'user', content: 'Hi' }),
  ).rejects.toMatchObject({ status: 400 });
  thread.held.release();
  await untilStatus(queued, 'completed');
});

test('a run that may wait starts at once on a thread without an active run', async () => {
  for (const mode of ['queue', 'cancel'] as const) {
    const setup = await setUp(env, [text('Now.')]);
    await untilStatus(await create(setup, mode, says('Please.')), 'completed');
    expect(await textsOf(setup.threadId)).toEqual(['Hi', 'Please.', 'Now.']);
  }
});

test('the stream of a queued run waits and goes on', async () => {
  const thread = await busyThread('Second.');
  const body = {
    assistant_id: thread.assistant.id,
    additional_messages: [{ role: 'user' as const, content: 'Two?' }],
    'x-threadmill': { on_active_run: 'queue' },
  };
  const stream = env.client.beta.threads.runs.stream(thread.threadId, body);
  const events = eventsOf(stream);
  await new Promise<void>((seen) => {
    stream.on('event', ({ event }) => event === 'thread.run.queued' && seen());
  });
  thread.held.release();
  const names = (await events).map(({ event }) => event);
  expect(names.slice(0, 3)).toEqual([
    'thread.run.created',
    'thread.run.queued',
    'thread.run.in_progress',
  ]);
  expect(names).toContain('thread.run.completed');
});

test('a queued run that is cancelled ends at once, and those behind it keep their places', async () => {
  const thread = await busyThread('Third.');
  const second = await create(thread, 'queue', says('Two?'));
  const third = await create(thread, 'queue', says('Three?'));
  const { runs } = env.client.beta.threads;
  const cancelled = await runs.cancel(second.id, { thread_id: thread.threadId });
  expect(cancelled).toMatchObject({ status: 'cancelled', started_at: null });
  expect(outline(await readLog(env, second)).join(' ')).toMatch(/cancelling.*cancelled/);
  expect((await get(thread.active)).status).toBe('in_progress');
  thread.held.release();
  await untilStatus(third, 'completed');
  expect(await textsOf(thread.threadId)).toEqual(['Hi', 'First.', 'Three?', 'Third.']);
});

test('with cancel the active run is cancelled, and the new one starts behind those that waited', async () => {
  const thread = await busyThread('Second.', 'Third.');
  const second = await create(thread, 'queue', says('Two?'));
  const third = await create(thread, 'cancel', says('Three?'));
  await untilStatus(thread.active, 'cancelled');
  await untilStatus(third, 'completed');
  expect((await get(second)).status).toBe('completed');
  expect(await textsOf(thread.threadId)).toEqual(['Hi', 'Two?', 'Second.', 'Three?', 'Third.']);
  thread.held.release();
});

test('a queued run that expires is passed over', async () => {
  const thread = await busyThread('Third.');
  const second = await create(thread, 'queue');
  const third = await create(thread, 'queue');
  await env.pool.query('update runs set expires_at = 1 where id = $1', [second.id]);
  await untilStatus(second, 'expired');
  thread.held.release();
  await untilStatus(third, 'completed');
}, 60_000);

test('the deletion of a thread ends the streams of its queued runs', async () => {
  const thread = await busyThread();
  const queued = [await create(thread, 'queue'), await create(thread, 'queue')];
  const logs = queued.map((run) => readLog(env, run).catch(() => []));
  await env.client.beta.threads.delete(thread.threadId);
  await Promise.all(logs);
  thread.held.release();
  await expect(get(queued[0]!)).rejects.toMatchObject({ status: 404 });
  const { rows } = await env.pool.query('select from runs where thread_id = $1', [thread.threadId]);
  expect(rows).toEqual([]);
});

test('a queued run whose file was deleted meanwhile fails, and the next one starts', async () => {
  const thread = await busyThread('Third.');
  const file = await env.client.files.create({
    file: new File(['a'], 'a.txt'),
    purpose: 'assistants',
  });
  const attachments = [{ file_id: file.id, tools: [{ type: 'file_search' as const }] }];
  const second = await create(thread, 'queue', {
    additional_messages: [{ role: 'user', content: 'Two?', attachments }],
  });
  const third = await create(thread, 'queue', says('Three?'));
  await env.client.files.delete(file.id);
  thread.held.release();
  await untilStatus(third, 'completed');
  const { status, last_error } = await get(second);
  expect([status, last_error?.code]).toEqual(['failed', 'server_error']);
  expect(await textsOf(thread.threadId)).toEqual(['Hi', 'First.', 'Three?', 'Third.']);
});

test('a run that waits for nothing is found and started', async () => {
  const thread = await busyThread('Second.');
  const second = await create(thread, 'queue');
  // As a worker of an earlier version leaves it.
  await env.pool.query('alter table runs disable trigger next_run');
  thread.held.release();
  await untilStatus(thread.active, 'completed');
  await env.pool.query('alter table runs enable trigger next_run');
  await untilStatus(second, 'completed');
}, 60_000);

test('runs that many requests queue at once on a busy thread are all accepted, and no lock is waited for in a circle', async () => {
  const count = 20;
  const setup = await setUp(env, Array(count).fill(text('Yes.')));
  const deadlocks = async () => {
    const query = 'select deadlocks from pg_stat_database where datname = current_database()';
    return (await env.pool.query(query)).rows[0];
  };
  const before = await deadlocks();
  const asked = Array.from({ length: count }, (_, n) => create(setup, 'queue', says(`${n}?`)));
  const runs = await Promise.all(asked);
  await Promise.all(runs.map((run) => untilStatus(run, 'completed')));
  const list = await env.client.beta.threads.messages.list(setup.threadId, { limit: 100 });
  expect(list.data).toHaveLength(1 + 2 * count);
  expect(await deadlocks()).toEqual(before);
});
