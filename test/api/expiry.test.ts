import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import { checkRun, CODE, eventsOf, outputsFor, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({
    sandbox: true,
    config: { runExpirySeconds: 300, runExpiryMaxSeconds: 3_600 },
  });
  await warmUp();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const BEGIN = ['thread.run.created', 'thread.run.queued', 'thread.run.in_progress'];
const call = () => toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);

/** The first run of a worker and its first code are slow: deadlines below are meant for what follows. */
async function warmUp(): Promise<void> {
  const code = toolCalls([{ name: 'code_interpreter', arguments: { code: '1' } }]);
  const { assistant, threadId } = await setUp(env, [code, text('1.')], { tools: [CODE] });
  await env.client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
}

/** `expires_after` is our extension: the client does not know it, but sends every key. */
const params = (assistantId: string, expiresAfter: number) => ({
  assistant_id: assistantId,
  expires_after: expiresAfter,
});

test.concurrent('expires a run whose tool outputs never arrive', async () => {
  const { assistant, threadId } = await setUp(env, [call()], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const stream = runs.stream(threadId, params(assistant.id, 4));
  const events = await eventsOf(stream);
  const paused = await stream.finalRun();
  expect(paused).toMatchObject({
    status: 'requires_action',
    expires_at: paused.created_at + 4,
  });
  const { run, steps, log } = await checkRun(env, paused);
  expect(events).toEqual(log.slice(0, events.length).map(({ event, data }) => ({ event, data })));
  expect(outline(log).slice(-3)).toEqual([
    'thread.run.requires_action',
    'thread.run.step.expired',
    'thread.run.expired',
  ]);
  expect(run).toMatchObject({ status: 'expired', expires_at: null, required_action: null });
  expect(steps[0]?.expired_at).toBeGreaterThanOrEqual(paused.created_at + 4);
  await expect(
    runs.submitToolOutputs(run.id, { thread_id: threadId, tool_outputs: outputsFor(paused) }),
  ).rejects.toMatchObject({
    status: 400,
    error: { message: 'Runs in status "expired" do not accept tool outputs.' },
  });
  await env.client.beta.threads.messages.create(threadId, { role: 'user', content: 'Free?' });
});

test.concurrent('expires a run in the middle of its answer and leaves the model', async () => {
  const held = hold(text('One two three four.'), { afterChunks: 2 });
  const { assistant, threadId, model } = await setUp(env, [held.reply]);
  const stream = env.client.beta.threads.runs.stream(threadId, params(assistant.id, 4));
  const events = await eventsOf(stream);
  expect(outline(events).slice(3)).toEqual([
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.message.created',
    'thread.message.in_progress',
    'thread.message.delta',
    'thread.message.incomplete',
    'thread.run.step.expired',
    'thread.run.expired',
  ]);
  const { messages } = await checkRun(env, await stream.finalRun(), [events]);
  expect(messages).toMatchObject([
    { status: 'incomplete', incomplete_details: { reason: 'run_expired' } },
  ]);
  await env.model.until((requests) => requests.some((one) => one.model === model && one.aborted));
  held.release();
});

test.concurrent('expires a run whose model has not said a word', async () => {
  const held = hold(text('Never.'), { afterChunks: 0 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, params(assistant.id, 2));
  expect(run.status).toBe('expired');
  const { log } = await checkRun(env, run);
  held.release();
  expect(outline(log)).toEqual([...BEGIN, 'thread.run.expired']);
});

test.concurrent('expires a run while its code is running', async () => {
  const forever = toolCalls([
    { name: 'code_interpreter', arguments: { code: 'import time\nwhile True: time.sleep(1)' } },
  ]);
  const { assistant, threadId } = await setUp(env, [forever], { tools: [CODE] });
  const run = await env.client.beta.threads.runs.create(threadId, params(assistant.id, 4));
  const { log, steps } = await checkRun(env, run);
  expect(outline(log).slice(-2)).toEqual(['thread.run.step.expired', 'thread.run.expired']);
  expect(steps).toMatchObject([{ status: 'expired', step_details: { tool_calls: [{}] } }]);
});

test.concurrent('takes outputs that arrive before the deadline, however late', async () => {
  const { assistant, threadId } = await setUp(env, [call(), text('Sunny.')], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, params(assistant.id, 3_600));
  const run = await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused),
  });
  expect(run.status).toBe('completed');
  await checkRun(env, run);
});

test.concurrent(
  "gives a run this server's own lifetime, and refuses longer ones than it allows",
  async () => {
    const { assistant, threadId } = await setUp(env, [text('Yes.')]);
    const { runs } = env.client.beta.threads;
    const run = await runs.create(threadId, { assistant_id: assistant.id });
    expect(run.expires_at).toBe(run.created_at + 300);
    await checkRun(env, run);
    await expect(runs.create(threadId, params(assistant.id, 3_601))).rejects.toMatchObject({
      status: 400,
      error: {
        message: "Invalid 'expires_after': this server allows at most 3600 seconds.",
        param: 'expires_after',
      },
    });
  },
);
