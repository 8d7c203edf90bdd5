import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import {
  checkRun,
  CODE,
  eventsOf,
  outputsFor,
  pendingCalls,
  setUp,
  WEATHER,
} from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const UNTIL_PAUSE = [
  'thread.run.created',
  'thread.run.queued',
  'thread.run.in_progress',
  'thread.run.step.created',
  'thread.run.step.in_progress',
  'thread.run.step.delta',
  'thread.run.requires_action',
];

const AFTER_SUBMIT = [
  'thread.run.step.completed',
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

const askParis = () => toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);

test('streams a function call up to the pause, and the answer after the outputs', async () => {
  const { assistant, threadId, model } = await setUp(env, [askParis(), text('Sunny.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const first = runs.stream(threadId, { assistant_id: assistant.id });
  const before = await eventsOf(first);
  expect(outline(before)).toEqual(UNTIL_PAUSE);

  const paused = await first.finalRun();
  expect(paused).toMatchObject({ status: 'requires_action', usage: null });
  const [call] = pendingCalls(paused);
  expect(call).toEqual({
    id: expect.stringMatching(/^call_\w{24}$/),
    name: 'get_weather',
    arguments: '{"city":"Paris"}',
  });

  const second = runs.submitToolOutputsStream(paused.id, {
    thread_id: threadId,
    tool_outputs: [{ tool_call_id: call!.id, output: '21 degrees' }],
  });
  const after = await eventsOf(second);
  expect(outline(after)).toEqual(AFTER_SUBMIT);
  const run = await second.finalRun();
  const { steps } = await checkRun(env, run, [before, after]);
  expect(steps.map(({ type }) => type)).toEqual(['tool_calls', 'message_creation']);
  expect(steps[0]?.step_details).toEqual({
    type: 'tool_calls',
    tool_calls: [
      {
        id: call!.id,
        type: 'function',
        function: { name: 'get_weather', arguments: '{"city":"Paris"}', output: '21 degrees' },
      },
    ],
  });
  expect(after[0]?.data).toMatchObject({ id: steps[0]?.id, usage: expect.anything() });
  expect(env.model.requests(model)[1]?.body.messages.slice(-2)).toEqual([
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
          type: 'function',
          function: { name: 'get_weather', arguments: '{"city":"Paris"}' },
        },
      ],
    },
    {
      role: 'tool',
      tool_call_id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
      content: '21 degrees',
    },
  ]);
});

test('opens a call with id and name and then sends only its arguments', async () => {
  const { assistant, threadId } = await setUp(env, [askParis(), text('Sunny.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused),
  });
  const { log, steps } = await checkRun(env, paused);
  const [opening, ...rest] = log.filter(({ event }) => event === 'thread.run.step.delta');
  const id = pendingCalls(paused)[0]?.id;
  const delta = (call: object) => ({
    id: steps[0]?.id,
    object: 'thread.run.step.delta',
    delta: { step_details: { type: 'tool_calls', tool_calls: [call] } },
  });
  const opened = { name: 'get_weather', arguments: '', output: null };
  expect(opening?.data).toEqual(delta({ index: 0, id, type: 'function', function: opened }));
  for (const { data } of rest) {
    const added = { arguments: expect.any(String) };
    expect(data).toEqual(delta({ index: 0, type: 'function', function: added }));
  }
});

test('polls to the pause and, after the outputs, to the end', async () => {
  const { assistant, threadId } = await setUp(env, [askParis(), text('Sunny.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  expect(paused.status).toBe('requires_action');
  const run = await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused, '21 degrees'),
  });
  expect(run).toMatchObject({ status: 'completed', required_action: null });
  await checkRun(env, run);
});

test('pauses the first run of a new thread, streamed and polled', async () => {
  const { assistant } = await setUp(env, [askParis(), askParis(), text('A.'), text('B.')], {
    tools: [WEATHER],
  });
  const { threads } = env.client.beta;
  const thread = { messages: [{ role: 'user' as const, content: 'Weather?' }] };
  const stream = threads.createAndRunStream({ assistant_id: assistant.id, thread });
  const before = await eventsOf(stream);
  expect(outline(before)).toEqual(['thread.created', ...UNTIL_PAUSE]);
  const polled = await threads.createAndRunPoll({ assistant_id: assistant.id, thread });
  for (const paused of [await stream.finalRun(), polled]) {
    expect(paused.status).toBe('requires_action');
    const run = await threads.runs.submitToolOutputsAndPoll(paused.id, {
      thread_id: paused.thread_id,
      tool_outputs: outputsFor(paused),
    });
    expect(run.status).toBe('completed');
    await checkRun(env, run);
  }
});

test('keeps the deadline over a pause, and starts again', async () => {
  const { assistant, threadId } = await setUp(env, [askParis(), text('Sunny.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const queued = await runs.submitToolOutputs(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused),
  });
  expect(queued).toEqual({ ...paused, status: 'queued', required_action: null });
  const { run, log } = await checkRun(env, paused);
  const starts = log.filter(({ event }) => event === 'thread.run.in_progress');
  expect(starts).toHaveLength(2);
  const resumed = starts[1]?.data as { started_at: number; expires_at: number };
  expect(resumed.expires_at).toBe(paused.expires_at);
  expect(run.started_at).toBe(resumed.started_at);
});

test('puts parallel calls into one step and gives the model the outputs in the order of the calls', async () => {
  const cities = ['Paris', 'Rome', 'Oslo'];
  const calls = toolCalls(
    cities.map((city) => ({ name: 'get_weather', arguments: { city } })),
    { splitEvery: 4 },
  );
  const { assistant, threadId, model } = await setUp(env, [calls, text('Various.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const stream = runs.stream(threadId, { assistant_id: assistant.id });
  const created: string[] = [];
  stream.on('toolCallCreated', (call) => created.push(call.id));
  const before = await eventsOf(stream);
  const paused = await stream.finalRun();
  const pending = pendingCalls(paused);
  expect(pending.map((call) => JSON.parse(call.arguments) as unknown)).toEqual(
    cities.map((city) => ({ city })),
  );
  expect(created).toEqual(pending.map((call) => call.id));
  expect(new Set(created).size).toBe(3);

  const outputs = pending.map((call, index) => ({
    tool_call_id: call.id,
    output: cities[index]!.toUpperCase(),
  }));
  const second = runs.submitToolOutputsStream(paused.id, {
    thread_id: threadId,
    tool_outputs: outputs.toReversed(),
  });
  const after = await eventsOf(second);
  expect(outline(after)).toEqual(AFTER_SUBMIT);
  const { steps } = await checkRun(env, paused, [before, after]);
  expect(steps).toHaveLength(2);
  expect(env.model.requests(model)[1]?.body.messages.slice(-3)).toMatchObject(
    outputs.map(({ output }) => ({ role: 'tool', content: output })),
  );
});

test('closes the message of a turn before the calls of the same turn', async () => {
  const reply = toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }], {
    text: 'Let me look.',
  });
  const { assistant, threadId, model } = await setUp(env, [reply, text('Sunny.')], {
    tools: [WEATHER],
  });
  const { runs } = env.client.beta.threads;
  const stream = runs.stream(threadId, { assistant_id: assistant.id });
  const before = await eventsOf(stream);
  expect(outline(before).slice(3)).toEqual([
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.message.created',
    'thread.message.in_progress',
    'thread.message.delta',
    'thread.message.completed',
    'thread.run.step.completed',
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.run.step.delta',
    'thread.run.requires_action',
  ]);
  const paused = await stream.finalRun();
  await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused),
  });
  const { messages } = await checkRun(env, paused);
  expect(messages).toHaveLength(2);
  const [said] = env.model.requests(model)[1]?.body.messages.slice(2) ?? [];
  expect(said).toMatchObject({ role: 'assistant', content: 'Let me look.' });
});

test('pauses as often as the model calls', async () => {
  const replies = [askParis(), askParis(), askParis(), text('Sunny.')];
  const { assistant, threadId } = await setUp(env, replies, { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  let stream = runs.stream(threadId, { assistant_id: assistant.id });
  const seen = [await eventsOf(stream)];
  for (let run = await stream.finalRun(); run.status === 'requires_action';) {
    stream = runs.submitToolOutputsStream(run.id, {
      thread_id: threadId,
      tool_outputs: outputsFor(run),
    });
    seen.push(await eventsOf(stream));
    run = await stream.finalRun();
  }
  expect(seen).toHaveLength(4);
  const { steps } = await checkRun(env, await stream.finalRun(), seen);
  expect(steps).toHaveLength(4);
});

test('runs the code of a turn first and then asks for the functions of the same turn', async () => {
  const reply = toolCalls([
    { name: 'code_interpreter', arguments: { code: 'print(6 * 7)' } },
    { name: 'get_weather', arguments: { city: 'Paris' } },
  ]);
  const { assistant, threadId, model } = await setUp(env, [reply, text('Both.')], {
    tools: [WEATHER, CODE],
  });
  const { runs } = env.client.beta.threads;
  const first = runs.stream(threadId, { assistant_id: assistant.id });
  const before = await eventsOf(first);
  expect(outline(before)).toEqual(UNTIL_PAUSE);
  const paused = await first.finalRun();
  expect(pendingCalls(paused).map(({ name }) => name)).toEqual(['get_weather']);
  const second = runs.submitToolOutputsStream(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused, 'sunny'),
  });
  const after = await eventsOf(second);
  expect(outline(after)).toEqual(AFTER_SUBMIT);
  const { steps } = await checkRun(env, paused, [before, after]);
  expect(steps).toHaveLength(2);
  expect(steps[0]?.step_details).toMatchObject({
    tool_calls: [
      { code_interpreter: { input: 'print(6 * 7)', outputs: [{ type: 'logs', logs: '42\n' }] } },
      { function: { name: 'get_weather', output: 'sunny' } },
    ],
  });
  const results = env.model.requests(model)[1]?.body.messages.slice(-2);
  expect(results).toMatchObject([{ content: '42\n' }, { content: 'sunny' }]);
});
