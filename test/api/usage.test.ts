import { afterAll, beforeAll, expect, test } from 'vitest';

import { countTokens, tokensBesideTexts } from '../../wire/tokens.ts';
import { Environment } from '../support/environment.ts';
import { cutAfter, text, toolCalls } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import { checkRun, CODE, outputsFor, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true, config: { maxTurns: 3 } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const used = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
});

const withDetails = (usage: object, cached_tokens = 0, reasoning_tokens = 0) => ({
  ...usage,
  prompt_token_details: { cached_tokens },
  completion_tokens_details: { reasoning_tokens },
});

const call = (usage: object | null) =>
  toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }], { usage });

/** Runs the replies, answering every pause, until the run has ended. */
async function runToEnd(replies: Reply[], params: object = {}, question = 'Hi') {
  const setup = await setUp(env, replies, { tools: [WEATHER] }, question);
  const { runs } = env.client.beta.threads;
  let run = await runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
    ...params,
  });
  while (run.status === 'requires_action') {
    run = await runs.submitToolOutputsAndPoll(run.id, {
      thread_id: setup.threadId,
      tool_outputs: outputsFor(run, 'sunny'),
    });
  }
  return { ...setup, ...(await checkRun(env, run)), requests: env.model.requests(setup.model) };
}

test('sums the usage of a run over its turns, and shows each turn with its step', async () => {
  const details = {
    ...used(100, 10),
    prompt_tokens_details: { cached_tokens: 64 },
    completion_tokens_details: { reasoning_tokens: 7 },
  };
  const { run, steps } = await runToEnd([
    call(details),
    call({ ...details, ...used(130, 11) }),
    text('Sunny.', { usage: used(160, 3) }),
  ]);
  expect(run.usage).toEqual(withDetails(used(390, 24), 128, 14));
  expect(steps.map(({ usage }) => usage)).toEqual([
    withDetails(used(100, 10), 64, 7),
    withDetails(used(130, 11), 64, 7),
    withDetails(used(160, 3)),
  ]);
});

test('shows the details of the usage of a step that version 0.1.0 stored without them', async () => {
  const { run, steps } = await runToEnd([text('Sunny.', { usage: used(160, 3) })]);
  await env.pool.query(
    `update run_steps set usage = usage - 'prompt_token_details' - 'completion_tokens_details' where run_id = $1`,
    [run.id],
  );
  const { data } = await env.client.beta.threads.runs.steps.list(run.id, {
    thread_id: run.thread_id,
  });
  expect(data).toEqual(steps);
  expect(data[0]!.usage).toEqual(withDetails(used(160, 3)));
});

test('puts the usage of a turn that speaks and calls on its last step', async () => {
  const reply = toolCalls([{ name: 'get_weather', arguments: {} }], {
    text: 'Let me look.',
    usage: used(50, 20),
  });
  const { steps, run } = await runToEnd([reply, text('Sunny.', { usage: used(80, 2) })]);
  expect(steps.map(({ usage }) => usage)).toEqual([
    null,
    withDetails(used(50, 20)),
    withDetails(used(80, 2)),
  ]);
  expect(run.usage).toMatchObject(used(130, 22));
});

test('counts the tokens itself when the model server reports none', async () => {
  const { run } = await runToEnd([text('A mild and sunny day.', { usage: null })], { tools: [] });
  const question = tokensBesideTexts([]) + countTokens('Hi');
  expect(run.usage).toMatchObject(
    used(countTokens('Be kind.') + question, countTokens('A mild and sunny day.')),
  );
});

test('counts what an answer has used that was cut off and begun again', async () => {
  const half = cutAfter(text('A mild and sunny day.'), 2);
  const whole = text('Sunny.', { usage: used(50, 20) });
  const { run } = await runToEnd([half, whole], { tools: [] });
  const question = tokensBesideTexts([]) + countTokens('Hi');
  const [prompt, told] = [countTokens('Be kind.') + question, countTokens('A mild')];
  expect(run.usage).toMatchObject(used(50 + prompt, 20 + told));
});

test('gives each turn what is left of the completion budget, and stops when it is used up', async () => {
  const { run, requests, log } = await runToEnd([call(used(10, 200)), call(used(10, 100))], {
    max_completion_tokens: 300,
  });
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_completion_tokens' },
    max_completion_tokens: 300,
    usage: used(20, 300),
  });
  expect(requests.map(({ body }) => body.max_completion_tokens)).toEqual([300, 100]);
  expect(outline(log).slice(-2)).toEqual(['thread.run.in_progress', 'thread.run.incomplete']);
});

test('accepts the smallest budgets', async () => {
  const { run, requests } = await runToEnd([text('Yes.', { usage: used(30, 1) })], {
    max_completion_tokens: 1,
  });
  expect(run).toMatchObject({ max_completion_tokens: 1, usage: used(30, 1) });
  expect(requests.map(({ body }) => body.max_completion_tokens)).toEqual([1]);
  const { run: unasked } = await runToEnd([], { max_prompt_tokens: 1 });
  expect(unasked.incomplete_details).toEqual({ reason: 'max_prompt_tokens' });
});

test('stops when the prompt budget is used up', async () => {
  const { run, requests } = await runToEnd([call(used(290, 10))], { max_prompt_tokens: 300 });
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_prompt_tokens' },
    usage: used(290, 10),
  });
  expect(requests).toHaveLength(1);
});

test('asks no model when the question alone is over the prompt budget', async () => {
  const question = 'word '.repeat(400);
  const { run, requests } = await runToEnd([], { max_prompt_tokens: 300 }, question);
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_prompt_tokens' },
    usage: used(0, 0),
  });
  expect(requests).toEqual([]);
});

test('leaves out older messages rather than exceed the prompt budget', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Ok.')], {}, 'word '.repeat(400));
  await env.client.beta.threads.messages.create(threadId, { role: 'user', content: 'Short.' });
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
    max_prompt_tokens: 300,
  });
  expect(run.status).toBe('completed');
  const context = env.model.requests(model)[0]?.body.messages.map(({ content }) => content);
  expect(context).toEqual(['Be kind.', 'Short.']);
});

test('says nothing of a budget that nobody set', async () => {
  const { requests } = await runToEnd([text('Ok.')]);
  expect(requests[0]?.body).not.toHaveProperty('max_completion_tokens');
});

test('ends a run incomplete after as many turns as this server allows', async () => {
  const replies = [1, 2, 3].map((n) =>
    toolCalls([{ name: 'code_interpreter', arguments: { code: `print(${n})` } }]),
  );
  const setup = await setUp(env, replies, { tools: [CODE] });
  const run = await env.client.beta.threads.runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_completion_tokens' },
  });
  const { steps } = await checkRun(env, run);
  expect(steps.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
});
