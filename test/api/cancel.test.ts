import type { Run as SdkRun } from 'openai/resources/beta/threads/runs/runs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import { checkRun, CODE, eventsOf, reached, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const BEGIN = ['thread.run.created', 'thread.run.queued', 'thread.run.in_progress'];
const CANCELLED = ['thread.run.cancelling', 'thread.run.cancelled'];

const cancel = (run: SdkRun) =>
  env.client.beta.threads.runs.cancel(run.id, { thread_id: run.thread_id });

async function start(setup: Awaited<ReturnType<typeof setUp>>): Promise<SdkRun> {
  return env.client.beta.threads.runs.create(setup.threadId, { assistant_id: setup.assistant.id });
}

async function refusedCancel(run: SdkRun, status: string): Promise<void> {
  await expect(cancel(run)).rejects.toMatchObject({
    status: 400,
    error: {
      message: `Cannot cancel run with status '${status}'.`,
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
  });
}

test('cancels a run in the middle of its answer and keeps what was seen', async () => {
  const held = hold(text('One two three four.'), { afterChunks: 2 });
  const { assistant, threadId, model } = await setUp(env, [held.reply]);
  const stream = env.client.beta.threads.runs.stream(threadId, { assistant_id: assistant.id });
  const seen = eventsOf(stream);
  await held.reached;
  const { id } = (await env.client.beta.threads.runs.list(threadId)).data[0]!;
  await reached(env, { id, thread_id: threadId }, 'thread.message.delta');
  const answer = await env.client.beta.threads.runs.cancel(id, { thread_id: threadId });
  expect(answer).toMatchObject({ status: 'cancelling', cancelled_at: null, usage: null });
  await env.model.until((requests) => requests.some((one) => one.model === model && one.aborted));
  const events = await seen;
  held.release();
  expect(outline(events)).toEqual([
    ...BEGIN,
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.message.created',
    'thread.message.in_progress',
    'thread.message.delta',
    'thread.run.cancelling',
    'thread.message.incomplete',
    'thread.run.step.cancelled',
    'thread.run.cancelled',
  ]);
  const run = await stream.finalRun();
  expect(run).toMatchObject({ status: 'cancelled', completed_at: null, last_error: null });
  const { messages, steps } = await checkRun(env, run, [events]);
  expect(messages).toMatchObject([
    { status: 'incomplete', incomplete_details: { reason: 'run_cancelled' } },
  ]);
  expect(steps).toMatchObject([{ status: 'cancelled' }]);

  env.model.script(model, text('Again.'));
  await env.client.beta.threads.messages.create(threadId, { role: 'user', content: 'Go on' });
  await env.client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const context = env.model.requests(model)[1]?.body.messages.map(({ content }) => content);
  const [part] = messages[0]!.content;
  expect(context?.slice(1)).toEqual(['Hi', part?.type === 'text' && part.text.value, 'Go on']);
});

test('cancels a run whose model has not said a word', async () => {
  const held = hold(text('Never.'), { afterChunks: 0 });
  const run = await start(await setUp(env, [held.reply]));
  await held.reached;
  await cancel(run);
  const { log, run: ended } = await checkRun(env, run);
  held.release();
  expect(outline(log)).toEqual([...BEGIN, ...CANCELLED]);
  expect(ended.cancelled_at).toBeGreaterThanOrEqual(ended.created_at);
  await refusedCancel(run, 'cancelled');
});

test('cancels a run in the middle of a function call', async () => {
  const call = toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);
  const held = hold(call, { afterChunks: 2 });
  const run = await start(await setUp(env, [held.reply], { tools: [WEATHER] }));
  await reached(env, run, 'thread.run.step.delta');
  await cancel(run);
  const { log } = await checkRun(env, run);
  held.release();
  expect(outline(log).slice(5)).toEqual([
    'thread.run.step.delta',
    'thread.run.cancelling',
    'thread.run.step.cancelled',
    'thread.run.cancelled',
  ]);
});

test('cancels a run that waits for tool outputs', async () => {
  const call = toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);
  const setup = await setUp(env, [call], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(setup.threadId, { assistant_id: setup.assistant.id });
  expect(await cancel(paused)).toMatchObject({ status: 'cancelling', required_action: null });
  const { log, steps } = await checkRun(env, paused);
  expect(outline(log).slice(-4)).toEqual([
    'thread.run.requires_action',
    'thread.run.cancelling',
    'thread.run.step.cancelled',
    'thread.run.cancelled',
  ]);
  expect(steps).toMatchObject([
    { status: 'cancelled', step_details: { tool_calls: [{ function: { output: null } }] } },
  ]);
});

test('cancels a run while its code is running, and frees the thread', async () => {
  const call = toolCalls([
    { name: 'code_interpreter', arguments: { code: 'import time\nwhile True: time.sleep(1)' } },
  ]);
  const setup = await setUp(env, [call], { tools: [CODE] });
  const run = await start(setup);
  await expect
    .poll(() => env.pool.query('select from tool_calls where run_id = $1', [run.id]))
    .toMatchObject({ rowCount: 1 });
  await cancel(run);
  const { log } = await checkRun(env, run);
  expect(outline(log).slice(-3)).toEqual([
    'thread.run.cancelling',
    'thread.run.step.cancelled',
    'thread.run.cancelled',
  ]);
  const after = toolCalls([{ name: 'code_interpreter', arguments: { code: 'print("free")' } }]);
  env.model.script(setup.model, after, text('Free.'));
  const { steps } = await checkRun(env, await start(setup));
  expect(JSON.stringify(steps)).toContain('free\\n');
});

test('refuses to cancel a run that has ended or is ending', async () => {
  const held = hold(text('Slow.'), { afterChunks: 0 });
  const run = await start(await setUp(env, [held.reply]));
  await held.reached;
  const [first, second] = await Promise.allSettled([cancel(run), cancel(run)]);
  expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
  const { reason } = [first, second].find(({ status }) => status === 'rejected') as {
    reason: { message: string };
  };
  expect(reason.message).toMatch(/^400 Cannot cancel run with status 'cancell(ing|ed)'\.$/);
  await checkRun(env, run);
  held.release();

  const completed = await start(await setUp(env, [text('Done.')]));
  await checkRun(env, completed);
  await refusedCancel(completed, 'completed');
});

test("ends a run as cancelled when an operator cancels its workflow in Temporal's UI", async () => {
  const held = hold(text('One two three.'), { afterChunks: 1 });
  const run = await start(await setUp(env, [held.reply]));
  await reached(env, run, 'thread.message.delta');
  await env.temporal.workflow.getHandle(run.id).cancel();
  const { run: ended, log } = await checkRun(env, run);
  held.release();
  expect(ended.status).toBe('cancelled');
  expect(outline(log).slice(-4)).toEqual([
    'thread.run.cancelling',
    'thread.message.incomplete',
    'thread.run.step.cancelled',
    'thread.run.cancelled',
  ]);
});

test('accepts a cancel with an empty body that claims to be JSON', async () => {
  const held = hold(text('Never.'), { afterChunks: 0 });
  const run = await start(await setUp(env, [held.reply]));
  await held.reached;
  const path = `/v1/threads/${run.thread_id}/runs/${run.id}/cancel`;
  const response = await env.fetch(path, { method: 'POST', body: '' });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ id: run.id, status: 'cancelling' });
  await checkRun(env, run);
  held.release();
});
