/** SIGKILL of the API while it is between two systems, or in the middle of a stream. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef } from '../support/durable-run.ts';
import {
  callLookup,
  createRun,
  eventsOf,
  expectSettled,
  LOOKUP,
  say,
  StreamReader,
  submitOutputs,
  untilStatus,
  untilStored,
} from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { assertLegalStream, readToDone } from '../support/legal-stream.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

const KEY = { 'idempotency-key': 'first-try' };

let env: ProcessEnvironment;
const runs = {} as Record<'streamed' | 'created' | 'submitted', RunRef>;
let reader: StreamReader;
let lost: { path: string; body: string };

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  const [api] = await Promise.all([env.startApi(), env.startWorker()]);
  env.model.script('submitted', callLookup(), say('Found it.'));
  runs.submitted = await createRun(env, 'submitted', [LOOKUP]);
  await untilStatus(env, runs.submitted, 'requires_action');

  const answer = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script('streamed', answer.reply);
  runs.streamed = await createRun(env, 'streamed');
  reader = new StreamReader(await eventsOf(env, runs.streamed));
  await reader.saw('thread.message.delta', 2);

  env.proxies.apiToTemporal.hold('requests');
  env.model.script('created', say('Started after all.'));
  runs.created = await createRun(env, 'created');
  await submitOutputs(env, runs.submitted);

  // The last request commits, and its client never hears of it.
  lost = await prepareLostRequest();
  const committed = env.proxies.apiToDatabase.holdRepliesAfter('commit\0');
  const request = { method: 'POST', body: lost.body, headers: KEY };
  const unheard = env.fetch(lost.path, request).catch((error: Error) => error.message);
  await committed;
  await api.kill();
  expect(await unheard).toBe('fetch failed');
  const stored = await env.pool.query(`select status from runs where model = 'unheard'`);
  expect(stored.rows).toHaveLength(1);
  env.proxies.apiToDatabase.resume();
  env.proxies.apiToTemporal.resume();

  answer.release();
  await untilStored(env, runs.streamed, 'completed');
  await env.startApi();
});
afterAll(() => env[Symbol.asyncDispose]());

async function prepareLostRequest(): Promise<{ path: string; body: string }> {
  env.model.script('unheard', say('Heard at last.'));
  const assistant = await env.client.beta.assistants.create({ model: 'unheard' });
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'Anyone?' }],
  });
  return {
    path: `/v1/threads/${thread.id}/runs`,
    body: JSON.stringify({ assistant_id: assistant.id }),
  };
}

test('starts a run that was committed and never handed to Temporal', async () => {
  await expectSettled(env, runs.created, { answer: 'Started after all.', turns: 1 });
});

test('signals a submission that was committed and never handed to Temporal', async () => {
  await expectSettled(env, runs.submitted, { answer: 'Found it.', turns: 2 });
});

test('finishes a run whose stream broke, and resumes the stream with exactly what was missed', async () => {
  expect(await reader.finished).toBe('broken');
  const all = await expectSettled(env, runs.streamed, { answer: 'one two three four', turns: 1 });
  const rest = await readToDone(await eventsOf(env, runs.streamed, reader.lastId));
  assertLegalStream(rest, { after: reader.lastId, ends: 'end' });
  expect([...reader.events, ...rest]).toEqual(all);
});

test('answers a repeated request whose first try committed unheard with the run it made', async () => {
  const answer = await env.fetch(lost.path, { method: 'POST', body: lost.body, headers: KEY });
  expect(answer.status).toBe(200);
  const run = (await answer.json()) as { id: string; thread_id: string };
  const ref = { model: 'unheard', threadId: run.thread_id, runId: run.id };
  await expectSettled(env, ref, { answer: 'Heard at last.', turns: 1 });
  const { data } = await env.client.beta.threads.runs.list(run.thread_id);
  expect(data.map(({ id }) => id)).toEqual([run.id]);
});
