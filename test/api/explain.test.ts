/** GET …/runs/{run_id}/explain: what a run sent to its model, how that went, and what its searches found. */
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunExplanation } from '../../wire/explanation.ts';
import { Environment } from '../support/environment.ts';
import { status, text, toolCalls } from '../support/fake-model.ts';
import { outputsFor, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

type RunRef = { id: string; thread_id: string };

const explain = (run: RunRef, query: object = {}, client: OpenAI = env.client) =>
  client.get<RunExplanation>(`/threads/${run.thread_id}/runs/${run.id}/explain`, { query });

test('each turn has the tokens of its prompt by part, the time of its request, and its steps', async () => {
  const call = toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);
  const setup = await setUp(env, [call, text('Sunny.')], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(setup.threadId, { assistant_id: setup.assistant.id });
  await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: setup.threadId,
    tool_outputs: outputsFor(paused, 'Sunny and warm'),
  });
  const explained = await explain(paused);
  expect(explained).toMatchObject({
    object: 'thread.run.explanation',
    run_id: paused.id,
    status: 'completed',
    dropped_messages: { count: 0, messages: [] },
    searches: [],
  });
  const [first, second] = explained.turns;
  expect([first!.result, second!.result]).toEqual(['action', 'ended']);
  expect([first!.steps.length, second!.steps.length]).toEqual([1, 1]);
  const { tokens, kept, cut, limited_by } = first!.request!;
  expect({ kept, cut, limited_by }).toEqual({
    kept: [[1, 1]],
    cut: [],
    limited_by: 'context_window',
  });
  expect(tokens.instructions).toBeGreaterThan(0);
  expect(tokens.tools).toBeGreaterThan(0);
  expect([tokens.tool_calls, tokens.tool_outputs]).toEqual([0, 0]);
  expect(tokens.messages).toBeLessThan(tokens.room);
  const later = second!.request!;
  expect(later.tokens.tool_outputs).toBeGreaterThan(0);
  expect(later.sent_at).toBeGreaterThanOrEqual(first!.request!.sent_at);
  expect(explained.content).toBeUndefined();
  const { content } = await explain(paused, { include: ['content'] });
  expect(content).toMatchObject({
    instructions: 'Be kind.',
    tools: [{ type: 'function' }],
    messages: [{ number: 1, role: 'user', content: [{ type: 'text', text: { value: 'Hi' } }] }],
  });
  const { rows } = await env.pool.query<{ request: string }>('select request::text from run_turns');
  for (const { request } of rows) expect(request).not.toMatch(/Paris|Sunny|kind|Hi/);
});

test('messages that the request leaves out have their reason', async () => {
  const setup = await setUp(env, [text('Ok.')]);
  const { messages, runs } = env.client.beta.threads;
  const ids = [(await messages.list(setup.threadId)).data[0]!.id];
  for (const content of ['Two', 'Three']) {
    ids.unshift((await messages.create(setup.threadId, { role: 'user', content })).id);
  }
  const run = await runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
    truncation_strategy: { type: 'last_messages', last_messages: 1 },
  });
  const { dropped_messages } = await explain(run);
  expect(dropped_messages!.count).toBe(2);
  expect(dropped_messages!.messages.map(({ id, reason }) => [id, reason])).toEqual([
    [ids[1], 'last_messages'],
    [ids[2], 'last_messages'],
  ]);
});

test('a request that the model server refused is shown beside the one that was answered', async () => {
  const setup = await setUp(env, [status(500), text('Ok.')]);
  const run = await env.client.beta.threads.runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  expect(run.status).toBe('completed');
  const [turn] = (await explain(run)).turns;
  expect(turn!.lost_requests).toMatchObject([
    { error: 'model_server', status: 500, kept: [[1, 1]] },
  ]);
  expect(turn!.request).not.toBeNull();
});

test('a run of an earlier version, or one that did not begin, shows what is known', async () => {
  const setup = await setUp(env, [text('Ok.')]);
  const run = await env.client.beta.threads.runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  await env.pool.query('update run_turns set request = null where run_id = $1', [run.id]);
  const explained = await explain(run);
  expect(explained.dropped_messages).toBeNull();
  expect(explained.turns).toMatchObject([{ turn: 0, request: null, usage: run.usage }]);
  await expect(explain(run, {}, await env.otherClient())).rejects.toMatchObject({ status: 404 });
});
