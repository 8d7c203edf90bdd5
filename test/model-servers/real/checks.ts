/**
 * What must work with any model server, through the official client. The model is too small to be right, so nothing is
 * said about what it answers, only about how. Each check is a test; what a server cannot do is skipped with the reason.
 */
import type { AssistantCreateParams } from 'openai/resources/beta/assistants';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { models as examine } from '../../../bin/doctor/model.ts';
import { loadConfig } from '../../../config/config.ts';
import { Environment } from '../../support/environment.ts';
import { checkRun, outputsFor, pendingCalls, WEATHER } from '../../support/runs.ts';
import type { ModelProcess } from './servers.ts';
import { CONTEXT } from './servers.ts';

export type Subject = {
  /** Where requests go. */
  server: ModelProcess;
  /** llama.cpp, behind whatever is in front of it. */
  llama: ModelProcess;
  /** The model's name there. */
  model: string;
  /** What the server says to a name that it does not have. Undefined: it takes any. */
  unknownModel: RegExp | undefined;
  /** What a run with a wrong key ends with. */
  wrongKey: RegExp;
};

const TIME = {
  type: 'function' as const,
  function: { name: 'get_time', parameters: { type: 'object', properties: {} } },
};
const LONG = 'Write a long story about a ship.';

let subject: Subject;
let env: Environment;

export function checkModelServer(start: () => Promise<Subject>): void {
  beforeAll(async () => {
    subject = await start();
    const { server, model } = subject;
    const common = {
      base_url: server.baseUrl,
      api_key_env: 'KEY_OF_SERVER',
      upstream_model: model,
    };
    process.env['KEY_OF_SERVER'] = server.apiKey;
    process.env['WRONG_KEY'] = 'sk-wrong-0123456789';
    const models = [
      { id: 'small', ...common },
      { id: 'named', ...common, profile: { named_tool_choice: false } },
      { id: 'unknown', ...common, upstream_model: 'no-such-model' },
      { id: 'locked', ...common, api_key_env: 'WRONG_KEY' },
    ];
    env = await Environment.start({ config: { models } });
  });
  afterAll(async () => {
    await env?.[Symbol.asyncDispose]();
    await subject?.server[Symbol.asyncDispose]();
    await subject?.llama[Symbol.asyncDispose]();
  });
  answers();
  windows();
  calls();
  formats();
  interruptions();
  refusals();
}

type Fields = Partial<AssistantCreateParams> & { max_completion_tokens?: number };

async function begin(question: string | string[], fields: Fields = {}) {
  const { max_completion_tokens: limit, ...others } = fields;
  const { assistants, threads } = env.client.beta;
  const assistant = await assistants.create({
    model: 'small',
    instructions: 'Be brief.',
    temperature: 0,
    ...others,
  });
  const messages = [question].flat().map((content, at) => ({
    role: at % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content,
  }));
  const thread = await threads.create({ messages });
  const options = { assistant_id: assistant.id, max_completion_tokens: limit ?? null };
  return { thread, options };
}

async function ask(question: string | string[], fields: Fields = {}, more: object = {}) {
  const { thread, options } = await begin(question, fields);
  return env.client.beta.threads.runs.createAndPoll(thread.id, { ...options, ...more });
}

/** A model without an end is stopped by its context, and the run says so. */
function expectAnswered(run: Run): void {
  expect({ status: run.status, error: run.last_error }).toEqual({
    status: expect.stringMatching(/^(completed|incomplete)$/),
    error: null,
  });
  expect(run.incomplete_details?.reason).not.toBe('max_prompt_tokens');
}

function answers(): void {
  test('the doctor finds the server', async () => {
    const { baseUrl: modelBaseUrl, apiKey: modelApiKey } = subject.server;
    const found = await examine({ ...loadConfig({}), modelBaseUrl, modelApiKey });
    expect(found).toMatchObject([{ state: 'ok' }]);
  });

  test('a run streams its text, and counts its tokens', async () => {
    const { thread, options } = await begin('Say hello.', { max_completion_tokens: 40 });
    const stream = env.client.beta.threads.runs.stream(thread.id, options);
    let deltas = '';
    stream.on('textDelta', ({ value }) => (deltas += value ?? ''));
    const run = await stream.finalRun();
    expectAnswered(run);
    expect(run.usage?.prompt_tokens).toBeGreaterThan(5);
    expect(run.usage?.completion_tokens).toBeGreaterThan(0);
    const { messages } = await checkRun(env, run);
    expect(messages[0]?.content[0]).toMatchObject({ text: { value: deltas } });
    expect(deltas.trim()).not.toBe('');
  });

  test('four runs at once all end, on a server with two places', async () => {
    const questions = ['red', 'green', 'blue', 'black'].map((colour) => `Name a ${colour} thing.`);
    const runs = await Promise.all(
      questions.map((question) => ask(question, { max_completion_tokens: 12 })),
    );
    runs.forEach(expectAnswered);
  });

  test('a chat completion passes through', async () => {
    const answer = await env.client.chat.completions.create({
      model: 'small',
      messages: [{ role: 'user', content: 'Say hello.' }],
      max_tokens: 8,
    });
    expect(answer.choices[0]?.message.content).toBeTruthy();
  });

  test('a run that may write eight tokens ends incomplete', async () => {
    const run = await ask(LONG, { max_completion_tokens: 8 });
    expect(run).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_completion_tokens' },
      usage: { completion_tokens: 8 },
    });
  });
}

function windows(): void {
  const sentences = (count: number) =>
    Array.from({ length: count }, (_, n) => `Ship ${n} came in at ${n * 7} past noon.`).join(' ');

  test('a conversation that is longer than the context goes on with what fits', async () => {
    const history = Array.from({ length: 21 }, (_, n) => `${n}. ${sentences(8)}`);
    const run = await ask([...history.slice(0, 20), 'Say hello.'], { max_completion_tokens: 20 });
    expectAnswered(run);
    expect(run.usage?.prompt_tokens).toBeGreaterThan(CONTEXT / 4);
    expect(run.usage?.prompt_tokens).toBeLessThan(CONTEXT);
  });

  test('one message that is longer than the context is cut, and answered', async () => {
    const run = await ask(`${sentences(200)} Say hello.`, { max_completion_tokens: 20 });
    expectAnswered(run);
    expect(run.usage?.prompt_tokens).toBeGreaterThan(CONTEXT / 4);
  });

  test('text of which the model makes more tokens than we count is cut further', async () => {
    const words = Array.from({ length: 500 }, (_, n) => `ħ${n}ёж${n}鯨`).join(' ');
    const run = await ask(words, { max_completion_tokens: 20 });
    expectAnswered(run);
    expect(run.usage?.prompt_tokens).toBeLessThan(CONTEXT);
  });
}

function calls(): void {
  const tools = [WEATHER, TIME];
  const once = { parallel_tool_calls: false, tool_choice: 'required' } as const;

  test('a demanded function call waits for its output, which the model then reads', async () => {
    const limits = { tools: [WEATHER], max_completion_tokens: 80 };
    const run = await ask('What is the weather in Paris?', limits, once);
    expect({ status: run.status, error: run.last_error }).toMatchObject({
      status: 'requires_action',
    });
    const [call] = pendingCalls(run);
    expect(call).toMatchObject({ name: 'get_weather' });
    expect(JSON.parse(call!.arguments)).toMatchObject({ city: expect.any(String) });
    const { runs } = env.client.beta.threads;
    const tool_outputs = outputsFor(run, '21 degrees');
    const ended = await runs.submitToolOutputsAndPoll(run.id, {
      thread_id: run.thread_id,
      tool_outputs,
    });
    expectAnswered(ended);
    await checkRun(env, ended);
  });

  test('calls that the limit cuts off reach nobody', async () => {
    const run = await ask(
      'What is the weather in Paris, in Rome and in Oslo?',
      { tools: [WEATHER], max_completion_tokens: 10 },
      { tool_choice: 'required' },
    );
    expect({ status: run.status, action: run.required_action }).toEqual({
      status: 'incomplete',
      action: null,
    });
  });

  const nameTheTime = (model: string) =>
    ask(
      'What is the weather in Paris?',
      { model, tools, max_completion_tokens: 80 },
      { ...once, tool_choice: { type: 'function', function: { name: 'get_time' } } },
    );

  test('a named function is called, with named_tool_choice: false', async () => {
    const run = await nameTheTime('named');
    expect({ status: run.status, error: run.last_error }).toMatchObject({
      status: 'requires_action',
    });
    expect(pendingCalls(run).map(({ name }) => name)).toEqual(['get_time']);
  });

  test('without that, a named function is called or the run fails: nothing else is an answer', async () => {
    const run = await nameTheTime('small');
    expect(run.status).toMatch(/^(requires_action|failed)$/);
    if (run.status === 'requires_action') {
      expect(pendingCalls(run).map(({ name }) => name)).toEqual(['get_time']);
    }
  });
}

function formats(): void {
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  test.each([
    [{ type: 'json_object' as const }],
    [{ type: 'json_schema' as const, json_schema: { name: 'answer', strict: true, schema } }],
  ])('response_format %j gives JSON', async (response_format) => {
    const run = await ask('Is water wet? Answer in JSON.', {
      response_format,
      max_completion_tokens: 60,
    });
    expectAnswered(run);
    const { messages } = await checkRun(env, run);
    const [part] = messages[0]!.content;
    const text = part?.type === 'text' ? part.text.value : '';
    expect(text.trimStart()).toMatch(/^\{/);
    if (response_format.type === 'json_schema') {
      expect(JSON.parse(text)).toEqual({ ok: expect.any(Boolean) });
    }
  });
}

type Slot = { is_processing: boolean };

async function busySlots(): Promise<number> {
  const { baseUrl, apiKey } = subject.llama;
  const headers = { authorization: `Bearer ${apiKey}` };
  const answer = await fetch(baseUrl.replace(/v1$/, 'slots'), { headers });
  return ((await answer.json()) as Slot[]).filter((slot) => slot.is_processing).length;
}

/** A run of which the first text has arrived. */
async function underWay(question: string, fields: Fields = {}) {
  const { thread, options } = await begin(question, fields);
  const stream = env.client.beta.threads.runs.stream(thread.id, options);
  await new Promise<void>((resolve) => stream.once('textDelta', () => resolve()));
  const { id, thread_id } = stream.currentRun()!;
  return { stream, run: { id, thread_id } };
}

function interruptions(): void {
  test('a cancelled run stops the server’s work too', async () => {
    const { stream, run } = await underWay(LONG);
    expect(await busySlots()).toBe(1);
    await env.client.beta.threads.runs.cancel(run.id, { thread_id: run.thread_id });
    expect((await stream.finalRun()).status).toBe('cancelled');
    await vi.waitFor(async () => expect(await busySlots()).toBe(0), { timeout: 20_000 });
  });

  test('a run whose server is killed and started again completes', async () => {
    const { stream, run } = await underWay(LONG, { max_completion_tokens: 150 });
    await subject.llama.kill();
    const restarted = subject.llama.restart();
    await stream.done().catch(() => {});
    await restarted;
    const { runs } = env.client.beta.threads;
    const ended = await runs.poll(run.id, { thread_id: run.thread_id });
    expectAnswered(ended);
    const { messages } = await checkRun(env, run);
    expect(messages.filter(({ status }) => status === 'incomplete').length).toBeLessThan(3);
  });

  test('a run that begins while the server is away waits for it', async () => {
    await subject.llama.kill();
    const { thread, options } = await begin('Say hello.', { max_completion_tokens: 10 });
    const { runs } = env.client.beta.threads;
    const run = await runs.create(thread.id, options);
    await failedOnce(run.id);
    await subject.llama.restart();
    expectAnswered(await runs.poll(run.id, { thread_id: thread.id }));
  });
}

/** Waits until Temporal tries the model turn once more. */
async function failedOnce(workflowId: string): Promise<void> {
  const handle = env.temporal.workflow.getHandle(workflowId);
  await vi.waitFor(
    async () => {
      const { raw } = await handle.describe();
      expect(raw.pendingActivities?.[0]?.attempt).toBeGreaterThan(1);
    },
    { timeout: 60_000, interval: 100 },
  );
}

function refusals(): void {
  test('a name that the server does not have fails the run at once, with the reason', async (context) => {
    const { unknownModel } = subject;
    const run = await ask('Hello', { model: 'unknown', max_completion_tokens: 4 });
    if (unknownModel === undefined) {
      expectAnswered(run);
      context.skip('not applicable: this server answers to any name');
    }
    expect(run).toMatchObject({ status: 'failed', last_error: { code: 'invalid_prompt' } });
    expect(run.last_error?.message).toMatch(unknownModel!);
    const { baseUrl } = subject.server;
    expect(await historyOf(run.id)).toContain(`${baseUrl}/chat/completions`);
  });

  test('a wrong key fails the run at once, and is not shown', async () => {
    const run = await ask('Hello', { model: 'locked' });
    expect(run.status).toBe('failed');
    expect(run.last_error?.message).toMatch(subject.wrongKey);
    expect(await historyOf(run.id)).not.toContain('sk-wrong');
  });
}

/** A workflow's history, and the details of its failures as texts. */
async function historyOf(workflowId: string): Promise<string> {
  const { events } = await env.temporal.workflow.getHandle(workflowId).fetchHistory();
  const details = events?.flatMap(({ activityTaskFailedEventAttributes: failed }) => {
    const payloads = failed?.failure?.applicationFailureInfo?.details?.payloads ?? [];
    return payloads.map(({ data }) => Buffer.from(data ?? []).toString());
  });
  return JSON.stringify({ events, details });
}
