import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { assertLegalStream, outline } from '../support/legal-stream.ts';
import { checkRun, eventsOf, openLog, readLog, setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

test('accepts one of many runs that are created on one thread at once', async () => {
  const { assistant, threadId } = await setUp(env, [text('Late.')]);
  const { runs } = env.client.beta.threads;
  const settled = await Promise.allSettled(
    Array.from({ length: 30 }, () => runs.create(threadId, { assistant_id: assistant.id })),
  );
  const [accepted, ...more] = settled.flatMap((result) =>
    result.status === 'fulfilled' ? [result.value] : [],
  );
  expect(more).toEqual([]);
  const message = `Thread ${threadId} already has an active run ${accepted!.id}.`;
  for (const result of settled) {
    if (result.status === 'rejected') {
      expect(result.reason).toMatchObject({ status: 400, error: { message } });
    }
  }
  expect((await runs.list(threadId)).data).toHaveLength(1);
});

test('locks the thread while a run is queued or being cancelled, for messages and for runs', async () => {
  const { assistant, threadId } = await setUp(env, []);
  const { messages, runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id });
  const refused = async () => {
    await expect(messages.create(threadId, { role: 'user', content: 'Hi' })).rejects.toMatchObject({
      error: { message: `Can't add messages to ${threadId} while a run ${run.id} is active.` },
    });
    await expect(runs.create(threadId, { assistant_id: assistant.id })).rejects.toMatchObject({
      error: { message: `Thread ${threadId} already has an active run ${run.id}.` },
    });
  };
  await refused();
  const cancelling = await runs.cancel(run.id, { thread_id: threadId });
  expect(cancelling).toMatchObject({ status: 'cancelling', started_at: null, cancelled_at: null });
  await refused();
  await expect(runs.cancel(run.id, { thread_id: threadId })).rejects.toMatchObject({
    status: 400,
    error: { message: "Cannot cancel run with status 'cancelling'." },
  });
});

test('changes the metadata of a queued run', async () => {
  const { assistant, threadId } = await setUp(env, [text('Late.')]);
  const { runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id });
  const changed = await runs.update(run.id, { thread_id: threadId, metadata: { a: 'b' } });
  expect(changed).toEqual({ ...run, metadata: { a: 'b' } });
});

test('removes a queued run with its thread', async () => {
  const { assistant, threadId } = await setUp(env, []);
  const { threads } = env.client.beta;
  const run = await threads.runs.create(threadId, { assistant_id: assistant.id });
  await threads.delete(threadId);
  expect((await openLog(env, run)).status).toBe(404);
  await expect(threads.runs.retrieve(run.id, { thread_id: threadId })).rejects.toMatchObject({
    status: 404,
  });
});

test('expires a run that nobody took in time, when it is read', async () => {
  const { assistant, threadId } = await setUp(env, []);
  const { runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id });
  await env.pool.query('update runs set expires_at = unix_now() - 60 where id = $1', [run.id]);
  const expired = await runs.retrieve(run.id, { thread_id: threadId });
  expect(expired).toMatchObject({ status: 'expired', expires_at: null, started_at: null });
  const log = await readLog(env, run);
  expect(outline(log)).toEqual(['thread.run.created', 'thread.run.queued', 'thread.run.expired']);
  assertLegalStream(log, { ends: 'end' });
});

test('takes up what waited, cancelled or not, when a worker comes', async () => {
  const waiting = await setUp(env, [text('Here I am.')]);
  const unwanted = await setUp(env, []);
  const { runs } = env.client.beta.threads;
  const stream = runs.stream(waiting.threadId, { assistant_id: waiting.assistant.id });
  const events = eventsOf(stream);
  const run = await runs.create(unwanted.threadId, { assistant_id: unwanted.assistant.id });
  await runs.cancel(run.id, { thread_id: run.thread_id });
  await env.startWorker();
  const { log } = await checkRun(env, run);
  expect(outline(log)).toEqual([
    'thread.run.created',
    'thread.run.queued',
    'thread.run.cancelling',
    'thread.run.cancelled',
  ]);
  const seen = await events;
  const ended = await stream.finalRun();
  expect(ended.status).toBe('completed');
  await checkRun(env, ended, [seen]);
  expect(env.model.requests(unwanted.model)).toEqual([]);
});
