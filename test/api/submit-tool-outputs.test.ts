import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import { checkRun, outputsFor, pendingCalls, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const twoCalls = () =>
  toolCalls(['Paris', 'Rome'].map((city) => ({ name: 'get_weather', arguments: { city } })));

async function pausedRun() {
  const setup = await setUp(env, [twoCalls(), text('Sunny.')], { tools: [WEATHER] });
  const run = await env.client.beta.threads.runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  return { ...setup, run, ids: pendingCalls(run).map(({ id }) => id) };
}

async function refusal(threadId: string, runId: string, tool_outputs: unknown) {
  const response = await env.fetch(`/v1/threads/${threadId}/runs/${runId}/submit_tool_outputs`, {
    method: 'POST',
    body: JSON.stringify({ tool_outputs }),
  });
  expect(response.status).toBe(400);
  return ((await response.json()) as { error: object }).error;
}

const plain = (message: string) => ({
  message,
  type: 'invalid_request_error',
  param: null,
  code: null,
});

test('refuses outputs that do not answer exactly the pending calls, and then takes the right ones', async () => {
  const { run, threadId, ids } = await pausedRun();
  const [a, b] = ids as [string, string];
  const output = (id: string) => ({ tool_call_id: id, output: 'x' });
  const expected = `Expected tool outputs for call_ids ['${a}', '${b}'], got`;
  const cases: [string[], string][] = [
    [[a], `${expected} ['${a}']`],
    [[b], `${expected} ['${b}']`],
    [[], `${expected} []`],
    [[a, 'call_x'], `${expected} ['${a}', 'call_x']`],
    [[b, a, 'call_x'], `${expected} ['${b}', '${a}', 'call_x']`],
  ];
  for (const [given, message] of cases) {
    expect(await refusal(threadId, run.id, given.map(output))).toEqual(plain(message));
  }

  const twice: [string[], string][] = [
    [[a, b, a], `['${a}', '${a}']`],
    [[a, a], `['${a}', '${a}']`],
    [[b, a, b, a, 'call_x', b], `['${b}', '${a}', '${b}', '${a}', '${b}']`],
  ];
  for (const [given, duplicates] of twice) {
    expect(await refusal(threadId, run.id, given.map(output))).toEqual(
      plain(`Duplicate call_ids submitted: ${duplicates}`),
    );
  }
  const { runs } = env.client.beta.threads;
  expect(await runs.retrieve(run.id, { thread_id: threadId })).toEqual(run);
  const ended = await runs.submitToolOutputsAndPoll(run.id, {
    thread_id: threadId,
    tool_outputs: [b, a].map(output),
  });
  expect(ended.status).toBe('completed');
  await checkRun(env, ended);
});

test('refuses outputs in every status that does not wait for them', async () => {
  const held = hold(text('Later.'), { afterChunks: 0 });
  const { assistant, threadId } = await setUp(env, [held.reply], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id });
  await held.reached;
  const outputs = [{ tool_call_id: 'call_a', output: 'x' }];
  expect(await refusal(threadId, run.id, outputs)).toEqual(
    plain('Runs in status "in_progress" do not accept tool outputs.'),
  );
  held.release();
  await checkRun(env, run);
  expect(await refusal(threadId, run.id, outputs)).toEqual(
    plain('Runs in status "completed" do not accept tool outputs.'),
  );
});

test('answers a stream of a refused submission with the error, not with a stream', async () => {
  const { run, threadId } = await pausedRun();
  const stream = env.client.beta.threads.runs.submitToolOutputsStream(run.id, {
    thread_id: threadId,
    tool_outputs: [{ tool_call_id: 'call_x', output: 'x' }],
  });
  await expect(stream.finalRun()).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("got ['call_x']"),
  });
});

test('takes outputs once when two clients submit at the same time', async () => {
  const { run, threadId, model } = await pausedRun();
  const { runs } = env.client.beta.threads;
  const submit = (output: string) =>
    runs.submitToolOutputs(run.id, {
      thread_id: threadId,
      tool_outputs: outputsFor(run, output),
    });
  const settled = await Promise.allSettled(['1', '2', '3', '4', '5'].map(submit));
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of settled) {
    if (result.status === 'rejected') {
      expect(result.reason).toMatchObject({
        status: 400,
        message: expect.stringMatching(/Runs in status "\w+" do not accept tool outputs\./),
      });
    }
  }
  await checkRun(env, run);
  expect(env.model.requests(model)).toHaveLength(2);
});

test('takes an output that is absent or null for an empty one', async () => {
  const { run, threadId, ids, model } = await pausedRun();
  await env.client.beta.threads.runs.submitToolOutputs(run.id, {
    thread_id: threadId,
    tool_outputs: [{ tool_call_id: ids[0]! }, { tool_call_id: ids[1]!, output: null as never }],
  });
  const { steps } = await checkRun(env, run);
  expect(steps[0]?.step_details).toMatchObject({
    tool_calls: [{ function: { output: '' } }, { function: { output: '' } }],
  });
  expect(env.model.requests(model)[1]?.body.messages.slice(-2)).toMatchObject([
    { role: 'tool', content: '' },
    { role: 'tool', content: '' },
  ]);
});

test('shows a pending step without usage and with the calls that wait', async () => {
  const { run, threadId, ids } = await pausedRun();
  const { runs } = env.client.beta.threads;
  const { data } = await runs.steps.list(run.id, { thread_id: threadId });
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({
    status: 'in_progress',
    completed_at: null,
    expires_at: run.expires_at,
    usage: null,
    step_details: {
      tool_calls: ids.map((id) => ({ id, function: { name: 'get_weather', output: null } })),
    },
  });
  await runs.submitToolOutputs(run.id, { thread_id: threadId, tool_outputs: outputsFor(run) });
  await checkRun(env, run);
});

test.each([
  ['carries a large output to the model whole', 10_000],
  ['cuts an output that the model has no room for, with a mark', 50_000],
])('%s', async (_, count) => {
  const { run, threadId, model } = await pausedRun();
  const output = `${'0123456789'.repeat(count)}é`;
  await env.client.beta.threads.runs.submitToolOutputs(run.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(run, output),
  });
  await checkRun(env, run);
  const seen = env.model.requests(model)[1]?.body.messages.at(-1)?.content;
  if (count === 10_000) expect(seen).toBe(output);
  else {
    expect(seen).toMatch(
      /^(0123456789)+\d*\n\.\.\. \[\d+ characters cut\] \.\.\.\n\d*(0123456789)+é$/,
    );
  }
});

test('hands arguments to the client exactly as the model wrote them, and none as an object', async () => {
  for (const [written, seen = written] of [
    ['', '{}'],
    ['{"city": "Zür'],
    ['{ "city" : "日本 🎉" }'],
  ] as [string, string?][]) {
    const reply = toolCalls([{ name: 'get_weather', arguments: written }], { splitEvery: 1 });
    const { assistant, threadId } = await setUp(env, [reply, text('Ok.')], { tools: [WEATHER] });
    const { runs } = env.client.beta.threads;
    const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
    expect(pendingCalls(paused)[0]?.arguments).toBe(seen);
    await runs.submitToolOutputsAndPoll(paused.id, {
      thread_id: threadId,
      tool_outputs: outputsFor(paused),
    });
    await checkRun(env, paused);
  }
});
