import { afterAll, beforeAll, expect, test } from 'vitest';

import { countTokens, tokensBesideTexts } from '../../wire/tokens.ts';
import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { checkRun, outputsFor, setUp, WEATHER } from '../support/runs.ts';

/** Of 2048 tokens a quarter is kept for the answer. */
const ROOM = 1_536;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ config: { modelContextWindow: 2_048 } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const tokensOf = (value: string) => tokensBesideTexts([]) + countTokens(value);

/** Message `n`, of about `words` tokens. */
const line = (n: number, words = 40) => `Message ${n}: ${'word '.repeat(words)}`.trim();

/** A thread of `count` such messages, and what the model sees of it after the system message. */
async function seenOf(count: number, params: object = {}, words = 40): Promise<string[]> {
  const { assistant, model } = await setUp(env, [text('Ok.')]);
  const run = await env.client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: {
      messages: Array.from({ length: count }, (_, n) => ({
        role: n % 2 === 0 ? ('user' as const) : ('assistant' as const),
        content: line(n, words),
      })),
    },
    ...params,
  });
  await checkRun(env, run);
  const { messages } = env.model.requests(model)[0]!.body;
  expect(messages[0]).toEqual({ role: 'system', content: 'Be kind.' });
  return messages.slice(1).map(({ content }) => content as string);
}

test('sends a short thread whole', async () => {
  expect(await seenOf(5)).toEqual([0, 1, 2, 3, 4].map((n) => line(n)));
});

test('keeps the first message and the newest that fit when a thread is too long', async () => {
  const seen = await seenOf(300);
  const newest = seen.slice(1);
  expect(seen[0]).toBe(line(0));
  expect(newest).toEqual(newest.map((_, index) => line(300 - newest.length + index)));
  const total = seen.reduce((sum, value) => sum + tokensOf(value), 0);
  expect(total).toBeLessThanOrEqual(ROOM);
  expect(total).toBeGreaterThan(ROOM - 2 * tokensOf(line(299)) - tokensOf('Be kind.'));
});

test('gives up a first message that would cost too many of the newest', async () => {
  const { assistant, model } = await setUp(env, [text('Ok.')]);
  const messages = [line(0, 1_000), ...Array.from({ length: 20 }, (_, n) => line(n + 1))];
  await env.client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: messages.map((content) => ({ role: 'user', content })) },
  });
  const seen = env.model
    .requests(model)[0]
    ?.body.messages.slice(1)
    .map(({ content }) => content);
  expect(seen).toEqual(messages.slice(1));
});

test('shows no more than the last messages that were asked for', async () => {
  for (const last_messages of [1, 3, 10]) {
    const params = { truncation_strategy: { type: 'last_messages', last_messages } };
    const expected = Array.from({ length: Math.min(last_messages, 6) }, (_, n) =>
      line(Math.max(0, 6 - last_messages) + n),
    );
    expect(await seenOf(6, params)).toEqual(expected);
  }
});

test('keeps the last messages within the context too', async () => {
  const params = { truncation_strategy: { type: 'last_messages', last_messages: 200 } };
  const seen = await seenOf(300, params);
  expect(seen.at(-1)).toBe(line(299));
  expect(seen[0]).not.toBe(line(0));
  expect(seen.reduce((sum, value) => sum + tokensOf(value), 0)).toBeLessThanOrEqual(ROOM);
});

test('cuts the newest message, with a mark, when it alone is too long', async () => {
  const [seen, ...others] = await seenOf(3, {}, 2_000);
  expect(others).toEqual([]);
  expect(seen).toMatch(/^Message 2: (word )+\n?.*\[\d+ characters cut\].*( word)+$/s);
  expect(tokensOf(seen!)).toBeLessThanOrEqual(ROOM);
  expect(tokensOf(seen!)).toBeGreaterThan(ROOM * 0.9);
});

test('keeps the question beside a later message that leaves no room', async () => {
  const { assistant, model } = await setUp(env, [text('Ok.')]);
  await env.client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: {
      messages: [
        { role: 'user', content: line(0) },
        { role: 'assistant', content: line(1, 4_000) },
      ],
    },
  });
  const seen = env.model.requests(model)[0]?.body.messages.slice(1);
  expect(seen).toMatchObject([
    { role: 'user', content: line(0) },
    { role: 'assistant', content: expect.stringContaining('characters cut') },
  ]);
});

test('cuts the results of tools before the question', async () => {
  const calls = toolCalls([
    { name: 'get_weather', arguments: { city: 'Paris' } },
    { name: 'get_weather', arguments: { city: 'Rome' } },
  ]);
  const { assistant, threadId, model } = await setUp(env, [calls, text('Ok.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const [first, second] = outputsFor(paused);
  const tool_outputs = [
    { ...first!, output: 'sunny '.repeat(20_000) },
    { ...second!, output: 'short' },
  ];
  await runs.submitToolOutputsAndPoll(paused.id, { thread_id: threadId, tool_outputs });
  const seen = env.model.requests(model)[1]?.body.messages.slice(1);
  expect(seen).toMatchObject([
    { role: 'user', content: 'Hi' },
    { role: 'assistant' },
    { role: 'tool', content: expect.stringContaining('characters cut') },
    { role: 'tool', content: 'short' },
  ]);
  expect(
    seen!.reduce((sum, { content }) => sum + tokensOf((content as string) ?? ''), 0),
  ).toBeLessThan(ROOM);
});

test('ends a run whose instructions leave no room for a question', async () => {
  const { assistant, threadId, model } = await setUp(env, [], {
    instructions: 'word '.repeat(3_000),
  });
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run.incomplete_details).toEqual({ reason: 'max_prompt_tokens' });
  expect(env.model.requests(model)).toEqual([]);
});

test('gives the room of deleted messages to those that are there', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Ok.')], {}, 'My name is Zed.');
  const { messages, runs } = env.client.beta.threads;
  await messages.create(threadId, { role: 'user', content: 'Remember my name.' });
  for (const n of [1, 2, 3]) {
    const { id } = await messages.create(threadId, { role: 'user', content: line(n, 1_000) });
    await messages.delete(id, { thread_id: threadId });
  }
  await messages.create(threadId, { role: 'user', content: 'What is my name?' });
  await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const seen = env.model.requests(model)[0]?.body.messages.slice(1);
  expect(seen?.map(({ content }) => content)).toEqual([
    'My name is Zed.',
    'Remember my name.',
    'What is my name?',
  ]);
});

test('counts the last messages when the run begins, and keeps what the run itself does', async () => {
  const calls = toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);
  const { assistant, threadId, model } = await setUp(env, [calls, text('Sunny.')], {
    tools: [WEATHER],
  });
  await env.client.beta.threads.messages.create(threadId, { role: 'user', content: 'Newest' });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
    truncation_strategy: { type: 'last_messages', last_messages: 1 },
  });
  await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused, 'warm'),
  });
  expect(env.model.requests(model).map(({ body }) => body.messages.slice(1))).toMatchObject([
    [{ content: 'Newest' }],
    [{ content: 'Newest' }, { role: 'assistant' }, { role: 'tool', content: 'warm' }],
  ]);
});

test('forgets a deleted message', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Ok.')]);
  const { messages, runs } = env.client.beta.threads;
  const secret = await messages.create(threadId, { role: 'user', content: 'Secret' });
  await messages.create(threadId, { role: 'user', content: 'Public' });
  await messages.delete(secret.id, { thread_id: threadId });
  await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const seen = env.model.requests(model)[0]?.body.messages.map(({ content }) => content);
  expect(seen).toEqual(['Be kind.', 'Hi', 'Public']);
});
