import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { chunks, text } from '../support/fake-model.ts';
import { assertLegalStream, outline, readToDone } from '../support/legal-stream.ts';
import { checkRun, eventsOf, setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const TEXT_RUN = [
  'thread.run.created',
  'thread.run.queued',
  'thread.run.in_progress',
  'thread.run.step.created',
  'thread.run.step.in_progress',
  'thread.message.created',
  'thread.message.in_progress',
  'thread.message.delta',
  'thread.message.completed',
  'thread.run.step.completed',
  'thread.run.completed',
];

const hello = () => text('Hello there, Jane.', { tokens: ['Hello', ' there', ', Jane.'] });
const HELLO = [{ type: 'text', text: { value: 'Hello there, Jane.', annotations: [] } }];

test('streams a text run in the recorded order of events', async () => {
  const { assistant, threadId } = await setUp(env, [hello()]);
  const stream = env.client.beta.threads.runs.stream(threadId, { assistant_id: assistant.id });
  const events = await eventsOf(stream);
  expect(outline(events)).toEqual(TEXT_RUN);
  const run = await stream.finalRun();
  expect(run.status).toBe('completed');
  const [message] = await stream.finalMessages();
  expect(message?.content).toEqual(HELLO);
  const { messages } = await checkRun(env, run, [events]);
  expect(messages.map(({ content }) => content)).toEqual([HELLO]);
  const { data } = await env.client.beta.threads.messages.list(threadId);
  expect(data.map((entry) => entry.role)).toEqual(['assistant', 'user']);
});

test('gives the run its times, its defaults and its usage', async () => {
  const usage = { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 };
  const { assistant, threadId, model } = await setUp(env, [text('Yes.', { usage })]);
  const created = await env.client.beta.threads.runs.create(threadId, {
    assistant_id: assistant.id,
  });
  expect(created).toMatchObject({
    object: 'thread.run',
    status: 'queued',
    expires_at: created.created_at + 600,
    started_at: null,
    completed_at: null,
    required_action: null,
    last_error: null,
    model,
    instructions: 'Be kind.',
    tools: [],
    tool_resources: {},
    metadata: {},
    temperature: 1,
    top_p: 1,
    reasoning_effort: null,
    max_completion_tokens: null,
    max_prompt_tokens: null,
    truncation_strategy: { type: 'auto', last_messages: null },
    incomplete_details: null,
    usage: null,
    response_format: 'auto',
    tool_choice: 'auto',
    parallel_tool_calls: true,
  });
  const { run, steps, log } = await checkRun(env, created);
  expect(run).toMatchObject({ status: 'completed', expires_at: null, incomplete_details: null });
  expect(run.started_at).toBeGreaterThanOrEqual(run.created_at);
  expect(run.completed_at).toBeGreaterThanOrEqual(run.started_at!);
  expect(run.usage).toEqual({
    ...usage,
    prompt_token_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  });
  expect(steps.map((step) => step.usage)).toEqual([run.usage]);
  expect(log[0]?.data).toEqual(created);
});

test('polls a run to its end', async () => {
  const { assistant, threadId } = await setUp(env, [hello()]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run.status).toBe('completed');
  const { messages, log } = await checkRun(env, run);
  expect(messages[0]?.content).toEqual(HELLO);
  expect(outline(log)).toEqual(TEXT_RUN);
});

test('creates a thread and streams its first run, the thread first', async () => {
  const { assistant } = await setUp(env, [hello()]);
  const stream = env.client.beta.threads.createAndRunStream({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }], metadata: { a: 'b' } },
  });
  const events = await eventsOf(stream);
  expect(outline(events)).toEqual(['thread.created', ...TEXT_RUN]);
  const run = await stream.finalRun();
  await checkRun(env, run, [events]);
  const thread = await env.client.beta.threads.retrieve(run.thread_id);
  expect(events[0]?.data).toEqual(thread);
  expect(thread.metadata).toEqual({ a: 'b' });
});

test('creates a thread and polls its first run', async () => {
  const { assistant } = await setUp(env, [hello()]);
  const run = await env.client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  expect(run.status).toBe('completed');
  await checkRun(env, run);
});

test('creates a thread without messages and answers from the instructions alone', async () => {
  const { assistant, model } = await setUp(env, [hello()]);
  const run = await env.client.beta.threads.createAndRunPoll({ assistant_id: assistant.id });
  expect(run.status).toBe('completed');
  expect(env.model.requests(model)[0]?.body.messages).toEqual([
    { role: 'system', content: 'Be kind.' },
  ]);
});

test('streams through runs.create with stream: true', async () => {
  const { assistant, threadId } = await setUp(env, [hello()]);
  const stream = await env.client.beta.threads.runs.create(threadId, {
    assistant_id: assistant.id,
    stream: true,
  });
  const events = [];
  for await (const event of stream) events.push(event);
  expect(outline(events)).toEqual(TEXT_RUN);
  const run = events[0]?.data as { id: string; thread_id: string };
  await checkRun(env, run, [events]);
});

test('sends frames of id, event and data, with the headers of a stream, and closes with done', async () => {
  const { assistant, threadId } = await setUp(env, [hello()]);
  const response = await env.fetch(`/v1/threads/${threadId}/runs`, {
    method: 'POST',
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
    headers: { accept: 'application/json' },
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('x-request-id')).toMatch(/^req_/);
  const body = await response.text();
  expect(body).toMatch(/^id: 1\nevent: thread\.run\.created\ndata: \{"id":"run_/);
  expect(body).toMatch(/\n\nevent: done\ndata: \[DONE\]\n\n$/);
  assertLegalStream(await readToDone(new Response(body)));
});

test('opens a text part with its annotations and then sends only text', async () => {
  const { assistant, threadId } = await setUp(env, [hello()]);
  const run = await env.client.beta.threads.runs.create(threadId, { assistant_id: assistant.id });
  const { log, messages } = await checkRun(env, run);
  const [first, ...later] = log.filter(({ event }) => event === 'thread.message.delta');
  expect(first?.data).toEqual({
    id: messages[0]?.id,
    object: 'thread.message.delta',
    delta: {
      content: [{ index: 0, type: 'text', text: { value: 'Hello', annotations: [] } }],
    },
  });
  const text = later.map(({ data }) => (data as { delta: { content: unknown[] } }).delta.content);
  expect(JSON.stringify(text)).not.toContain('annotations');
});

test('keeps every character of an answer, however the model server splits it', async () => {
  const value = 'Zwölf 日本 👩‍👩‍👧 "quoted" \\ \n\ttabs, emoji 🎉🎉 and a line \u2028 separator.';
  const { assistant, threadId } = await setUp(env, [text(value, { chunkSize: 1 })]);
  const stream = env.client.beta.threads.runs.stream(threadId, { assistant_id: assistant.id });
  let streamed = '';
  stream.on('textDelta', (delta) => (streamed += delta.value ?? ''));
  const run = await stream.finalRun();
  expect(streamed).toBe(value);
  const { messages } = await checkRun(env, run);
  expect(messages[0]?.content).toMatchObject([{ text: { value } }]);
});

test('completes without a message when the model says nothing', async () => {
  const { assistant, threadId } = await setUp(env, [text('')]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run.status).toBe('completed');
  const { log, messages } = await checkRun(env, run);
  expect(messages).toEqual([]);
  expect(outline(log)).toEqual([...TEXT_RUN.slice(0, 3), 'thread.run.completed']);
});

test('shows a refusal as one', async () => {
  const reply = chunks([
    {
      choices: [{ index: 0, delta: { role: 'assistant', refusal: 'I will' }, finish_reason: null }],
    },
    { choices: [{ index: 0, delta: { refusal: ' not.' }, finish_reason: null }] },
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  ]);
  const { assistant, threadId } = await setUp(env, [reply]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  const { messages } = await checkRun(env, run);
  expect(messages[0]?.content).toEqual([{ type: 'refusal', refusal: 'I will not.' }]);
});

test('answers in the context of the whole thread, run after run', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('One.'), text('Two.')]);
  const poll = () =>
    env.client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  await poll();
  await env.client.beta.threads.messages.create(threadId, { role: 'user', content: 'And now?' });
  await poll();
  expect(env.model.requests(model)[1]?.body.messages).toEqual([
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'One.' },
    { role: 'user', content: 'And now?' },
  ]);
});
