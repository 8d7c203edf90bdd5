import type { AssistantCreateParams } from 'openai/resources/beta/assistants';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import { checkRun, CODE, outputsFor, pendingCalls, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const SCHEMA_FORMAT = {
  type: 'json_schema',
  json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
} as const;

const NORMALIZED_WEATHER = {
  type: 'function',
  function: { ...WEATHER.function, strict: false },
};

const FANCY = {
  instructions: 'Speak like a sailor.',
  tools: [WEATHER],
  temperature: 0.2,
  top_p: 0.9,
  reasoning_effort: 'low',
  response_format: { type: 'json_object' },
} satisfies Partial<AssistantCreateParams>;

test("sends the assistant's settings when the run has none of its own", async () => {
  const { assistant, threadId, model } = await setUp(env, [text('{}')], FANCY);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run).toMatchObject({ ...FANCY, model, tools: [NORMALIZED_WEATHER] });
  const [request] = env.model.requests(model);
  expect(request?.body).toEqual({
    model,
    messages: [
      { role: 'system', content: FANCY.instructions },
      { role: 'user', content: 'Hi' },
    ],
    stream: true,
    stream_options: { include_usage: true },
    tools: [NORMALIZED_WEATHER],
    tool_choice: 'auto',
    temperature: 0.2,
    top_p: 0.9,
    reasoning_effort: 'low',
    response_format: { type: 'json_object' },
  });
});

test("lets every setting of a run replace the assistant's", async () => {
  const { assistant, threadId } = await setUp(env, [], FANCY);
  const other = await setUp(env, [text('{}')]);
  const overrides = {
    model: other.model,
    instructions: 'Be brief.',
    tools: [{ type: 'function' as const, function: { name: 'other_tool' } }],
    temperature: 1.5,
    top_p: 0.1,
    reasoning_effort: 'high' as const,
    response_format: SCHEMA_FORMAT,
    parallel_tool_calls: false,
    metadata: { job: '7' },
  };
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
    additional_instructions: 'The user is Jane.',
    ...overrides,
  });
  const tools = [
    {
      type: 'function',
      function: {
        name: 'other_tool',
        parameters: { type: 'object', properties: {} },
        strict: false,
      },
    },
  ];
  const instructions = 'Be brief.\n\nThe user is Jane.';
  expect(run).toMatchObject({ ...overrides, instructions, tools });
  expect(env.model.requests(other.model)[0]?.body).toMatchObject({
    messages: [{ content: instructions }, { content: 'Hi' }],
    tools,
    temperature: 1.5,
    top_p: 0.1,
    reasoning_effort: 'high',
    response_format: SCHEMA_FORMAT,
    parallel_tool_calls: false,
  });
  expect(await env.client.beta.assistants.retrieve(assistant.id)).toEqual(assistant);
});

test('takes null for a setting that was not given', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('{}')], FANCY);
  const names =
    'model instructions additional_instructions additional_messages tools metadata temperature top_p ' +
    'reasoning_effort response_format max_prompt_tokens max_completion_tokens truncation_strategy tool_choice';
  const nulls = Object.fromEntries(names.split(' ').map((name) => [name, null]));
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    ...nulls,
    assistant_id: assistant.id,
  });
  expect(run).toMatchObject({
    ...FANCY,
    model,
    tools: [NORMALIZED_WEATHER],
    metadata: {},
    tool_choice: 'auto',
    truncation_strategy: { type: 'auto', last_messages: null },
  });
});

test("adds additional instructions to the assistant's own", async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Yes.')]);
  await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
    additional_instructions: 'The user is Jane.',
  });
  const [system] = env.model.requests(model)[0]?.body.messages ?? [];
  expect(system).toEqual({ role: 'system', content: 'Be kind.\n\nThe user is Jane.' });
});

test('adds additional messages to the thread, in order, for good', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Yes.')]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
    additional_messages: [
      { role: 'assistant', content: 'Hello.', metadata: { seeded: 'yes' } },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'Two' },
        ],
      },
    ],
  });
  await checkRun(env, run);
  const { data } = await env.client.beta.threads.messages.list(threadId, { order: 'asc' });
  expect(data.map(({ role, run_id }) => [role, run_id])).toEqual([
    ['user', null],
    ['assistant', null],
    ['user', null],
    ['assistant', run.id],
  ]);
  expect(data[1]?.metadata).toEqual({ seeded: 'yes' });
  expect(env.model.requests(model)[0]?.body.messages.slice(1)).toEqual([
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello.' },
    { role: 'user', content: 'One\n\nTwo' },
  ]);
});

test('adds no additional message when the run is refused', async () => {
  const held = hold(text('Slow.'), { afterChunks: 0 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const { runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id });
  await expect(
    runs.create(threadId, {
      assistant_id: assistant.id,
      additional_messages: [{ role: 'user', content: 'Too early' }],
    }),
  ).rejects.toMatchObject({ status: 400 });
  held.release();
  await checkRun(env, run);
  const { data } = await env.client.beta.threads.messages.list(threadId);
  expect(JSON.stringify(data)).not.toContain('Too early');
});

test('demands a tool in the first turn only', async () => {
  const named = { type: 'function', function: { name: 'get_weather' } } as const;
  for (const tool_choice of ['required', named] as const) {
    const call = toolCalls([{ name: 'get_weather', arguments: {} }]);
    const { assistant, threadId, model } = await setUp(env, [call, text('Sunny.')], {
      tools: [WEATHER],
    });
    const { runs } = env.client.beta.threads;
    const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id, tool_choice });
    expect(paused.tool_choice).toEqual(tool_choice);
    await runs.submitToolOutputsAndPoll(paused.id, {
      thread_id: threadId,
      tool_outputs: outputsFor(paused),
    });
    const choices = env.model.requests(model).map(({ body }) => body.tool_choice);
    expect(choices).toEqual([tool_choice, 'auto']);
  }
});

test('passes on the choices none and code_interpreter', async () => {
  const replies = [text('A.'), text('B.'), text('C.')];
  const { assistant, threadId, model } = await setUp(env, replies, { tools: [CODE] });
  for (const tool_choice of ['none', { type: 'code_interpreter' }] as const) {
    await env.client.beta.threads.runs.createAndPoll(threadId, {
      assistant_id: assistant.id,
      tool_choice,
    });
  }
  expect(env.model.requests(model).map(({ body }) => body.tool_choice)).toEqual([
    'none',
    { type: 'function', function: { name: 'code_interpreter' } },
    // The model has not called it.
    'required',
  ]);
});

test('a server that ignores a named tool is offered no other, in the same turn and from then on', async () => {
  const call = () => toolCalls([{ name: 'get_weather', arguments: {} }]);
  const time = { type: 'function' as const, function: { name: 'get_time' } };
  const replies = [text('It is sunny.'), call(), call()];
  const { assistant, threadId, model } = await setUp(env, replies, { tools: [WEATHER, time] });
  const { runs } = env.client.beta.threads;
  const tool_choice = { type: 'function', function: { name: 'get_weather' } } as const;
  for (let times = 0; times < 2; times++) {
    const run = await runs.createAndPoll(threadId, { assistant_id: assistant.id, tool_choice });
    expect(pendingCalls(run)).toMatchObject([{ name: 'get_weather' }]);
    await runs.cancel(run.id, { thread_id: threadId });
    await runs.poll(run.id, { thread_id: threadId });
    await checkRun(env, run);
  }
  const requests = env.model.requests(model).map(({ body }) => body);
  expect(requests.map((body) => body.tool_choice)).toEqual([tool_choice, 'required', 'required']);
  expect(requests.map(({ tools }) => tools?.length)).toEqual([2, 1, 1]);
  const { data } = await env.client.beta.threads.messages.list(threadId);
  expect(data.map(({ role, status }) => [role, status])).toEqual([
    ['assistant', 'incomplete'],
    ['user', 'completed'],
  ]);
});

test('keeps a run as it was created when its assistant changes or goes', async () => {
  const call = () => toolCalls([{ name: 'get_weather', arguments: {} }]);
  const { assistant, threadId, model } = await setUp(env, [call(), call(), text('Sunny.')], {
    tools: [WEATHER],
    metadata: { a: 'b' },
  });
  const { assistants, threads } = env.client.beta;
  let run = await threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const submit = () =>
    threads.runs.submitToolOutputsAndPoll(run.id, {
      thread_id: threadId,
      tool_outputs: outputsFor(run),
    });
  await assistants.update(assistant.id, {
    model: 'another',
    instructions: 'Be rude.',
    tools: [],
    temperature: 0,
  });
  run = await submit();
  await assistants.delete(assistant.id);
  run = await submit();
  expect(run).toMatchObject({ status: 'completed', model, instructions: 'Be kind.' });
  expect(env.model.requests(model).map(({ body }) => [body.messages[0], body.tools])).toEqual(
    [1, 2, 3].map(() => [{ role: 'system', content: 'Be kind.' }, [NORMALIZED_WEATHER]]),
  );
  const { messages, steps } = await checkRun(env, run);
  expect([...messages, ...steps].map(({ assistant_id }) => assistant_id)).toEqual(
    Array.from({ length: 4 }, () => assistant.id),
  );
  await expect(threads.runs.create(threadId, { assistant_id: assistant.id })).rejects.toMatchObject(
    {
      status: 404,
      error: { message: `No assistant found with id '${assistant.id}'.` },
    },
  );
});

test("shows a run's own tool resources and not the assistant's", async () => {
  const { assistant } = await setUp(env, [text('A.'), text('B.')], { tools: [CODE] });
  expect(assistant.tool_resources).toEqual({ code_interpreter: { file_ids: [] } });
  const plain = await env.client.beta.threads.createAndRunPoll({ assistant_id: assistant.id });
  expect(plain).toMatchObject({ tool_resources: {} });
  const own = await env.client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    tool_resources: { code_interpreter: { file_ids: [] } },
  });
  expect(own).toMatchObject({ tool_resources: { code_interpreter: { file_ids: [] } } });
});

test('shows the model pictures by their address, and speaks of the ones it cannot show', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('A cat.')]);
  const cat = await createFile(env.client, 'not a picture', 'cat.png', 'vision');
  await env.client.beta.threads.messages.create(threadId, {
    role: 'user',
    content: [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'https://example.com/cat.png', detail: 'low' } },
      { type: 'image_file', image_file: { file_id: cat } },
    ],
  });
  await env.client.files.delete(cat);
  await env.client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  expect(env.model.requests(model)[0]?.body.messages.at(-1)).toEqual({
    role: 'user',
    content: [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'https://example.com/cat.png', detail: 'low' } },
      { type: 'text', text: `[image file ${cat}]` },
    ],
  });
});
