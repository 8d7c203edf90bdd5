import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import {
  chunks,
  cutAfter,
  endWithoutFinish,
  garbage,
  status,
  text,
  toolCalls,
} from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import { checkRun, CODE, eventsOf, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const BEGIN = ['thread.run.created', 'thread.run.queued', 'thread.run.in_progress'];
const STEP = ['thread.run.step.created', 'thread.run.step.in_progress'];
const MESSAGE = ['thread.message.created', 'thread.message.in_progress', 'thread.message.delta'];
const ANSWER = [...STEP, ...MESSAGE, 'thread.message.completed', 'thread.run.step.completed'];

/** Streams a run of these replies through the official helper, and checks what it left behind. */
async function streamed(replies: Reply[], tools: (typeof CODE | typeof WEATHER)[] = []) {
  const setup = await setUp(env, replies, { tools });
  const stream = env.client.beta.threads.runs.stream(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  const events = await eventsOf(stream);
  const ended = await stream.finalRun();
  const checked = await checkRun(env, ended, [events]);
  expect(env.model.requests(setup.model)).toHaveLength(replies.length);
  return { ...setup, ...checked, names: outline(events) };
}

test.for<[number, object]>([
  [400, { code: 'invalid_prompt', message: 'The fake model answers 400.' }],
  [413, { code: 'invalid_prompt', message: 'The fake model answers 413.' }],
  [422, { code: 'invalid_prompt', message: 'The fake model answers 422.' }],
  [401, { code: 'server_error', message: 'The model server refused the configured key.' }],
  [403, { code: 'server_error', message: 'The model server refused the configured key.' }],
  [404, { code: 'server_error', message: 'The fake model answers 404.' }],
])('fails at once when the model server answers %d', async ([code, error]) => {
  const { run, names, steps } = await streamed([status(code)]);
  expect(run).toMatchObject({ status: 'failed', last_error: error, completed_at: null });
  expect(names).toEqual([...BEGIN, 'thread.run.failed']);
  expect(steps).toEqual([]);
});

test('shows of a refusal nothing of where the model server is', async () => {
  const message = `Bad role at ${env.model.baseUrl}/chat of /srv/llm/app.py on gpu-7.internal`;
  const { run } = await streamed([status(400, { body: { error: { message } } })]);
  expect(run.last_error).toEqual({
    code: 'invalid_prompt',
    message: 'Bad role at *** of *** on ***',
  });
});

test('fails with rate_limit_exceeded when the model server goes on limiting', async () => {
  const limited = () => status(429, { headers: { 'retry-after-ms': '1' } });
  const { run, names } = await streamed([limited(), limited(), limited(), limited(), limited()]);
  expect(run.last_error).toEqual({
    code: 'rate_limit_exceeded',
    message: 'The model server is rate limiting. Try again later.',
  });
  expect(names).toEqual([...BEGIN, 'thread.run.failed']);
});

test('does not repeat what the model server says not to repeat', async () => {
  const quota = {
    error: { message: 'No money.', type: 'x', param: null, code: 'insufficient_quota' },
  };
  const spent = await streamed([status(429, { body: quota })]);
  expect(spent.run.last_error?.code).toBe('rate_limit_exceeded');
  const broken = await streamed([status(500, { headers: { 'x-should-retry': 'false' } })]);
  expect(broken.run.last_error).toEqual({
    code: 'server_error',
    message: 'The model server answered 500.',
  });
});

test('waits as long as the model server asks and then answers once', async () => {
  const { run, names, model } = await streamed([
    status(500),
    status(429, { headers: { 'retry-after': '1' } }),
    status(503, { headers: { 'retry-after-ms': '1' } }),
    text('At last.'),
  ]);
  expect(run.status).toBe('completed');
  expect(names).toEqual([...BEGIN, ...ANSWER, 'thread.run.completed']);
  const [, second, third] = env.model.requests(model).map(({ at }) => at) as number[];
  expect(third! - second!).toBeGreaterThanOrEqual(1_000);
});

test('expires at its deadline when the model server asks for more time than that', async () => {
  const setup = await setUp(env, [status(429, { headers: { 'retry-after': '86400' } })]);
  const run = await env.client.beta.threads.runs.createAndPoll(setup.threadId, {
    assistant_id: setup.assistant.id,
    expires_after: 2,
  } as never);
  expect(run).toMatchObject({ status: 'expired', last_error: null });
  expect(env.model.requests(setup.model)).toHaveLength(1);
});

test('closes a cut answer as incomplete and stores the new one alone as the answer', async () => {
  const { run, names, messages, steps, threadId, assistant, model } = await streamed([
    cutAfter(text('This will not be finished.'), 3),
    text('This one is.'),
  ]);
  expect(run.status).toBe('completed');
  expect(names).toEqual([
    ...BEGIN,
    ...STEP,
    ...MESSAGE,
    'thread.message.incomplete',
    'thread.run.step.failed',
    ...ANSWER,
    'thread.run.completed',
  ]);
  expect(messages).toMatchObject([
    {
      status: 'incomplete',
      incomplete_details: { reason: 'run_failed' },
      // What its readers saw: the last words may have been cut off with the stream.
      content: [{ text: { value: expect.stringMatching(/^This( will( not)?)?$/) } }],
    },
    { status: 'completed', content: [{ text: { value: 'This one is.' } }] },
  ]);
  expect(steps.map((step) => [step.status, step.last_error?.code])).toEqual([
    ['failed', 'server_error'],
    ['completed', undefined],
  ]);
  env.model.script(model, text('Next.'));
  await env.client.beta.threads.messages.create(threadId, { role: 'user', content: 'More' });
  await env.client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const context = env.model.requests(model)[2]?.body.messages.map(({ content }) => content);
  expect(context).toEqual(['Be kind.', 'Hi', 'This one is.', 'More']);
});

test('begins the answer again when the stream ends without saying why', async () => {
  const { run, messages } = await streamed([
    endWithoutFinish(text('Half an answer only.'), 2),
    text('A whole answer.'),
  ]);
  expect(run.status).toBe('completed');
  expect(messages.map(({ status }) => status)).toEqual(['incomplete', 'completed']);
});

test('gives up after five answers that broke off, not counting tries at a server that was away', async () => {
  const away = status(503, { headers: { 'retry-after-ms': '1' } });
  const cut = () => cutAfter(text('This will not be finished.'), 3);
  const { run } = await streamed([away, cut(), cut(), cut(), cut(), cut()]);
  expect(run.last_error?.message).toMatch(/lost|before the answer was complete/);
});

test('shows nothing of an answer that was cut before its first word', async () => {
  const { names } = await streamed([cutAfter(text('Nothing.'), 0), text('Answer.')]);
  expect(names).toEqual([...BEGIN, ...ANSWER, 'thread.run.completed']);
});

test('fails the step of a tool call that was cut, and takes only the repeated call', async () => {
  const call = () => toolCalls([{ name: 'code_interpreter', arguments: { code: 'print(1)' } }]);
  const { run, steps, model } = await streamed([cutAfter(call(), 2), call(), text('1.')], [CODE]);
  expect(run.status).toBe('completed');
  expect(steps.map(({ type, status }) => [type, status])).toEqual([
    ['tool_calls', 'failed'],
    ['tool_calls', 'completed'],
    ['message_creation', 'completed'],
  ]);
  expect(env.model.requests(model)[2]?.body.messages).toHaveLength(4);
});

test('keeps one message of a turn whose calls were cut and made again', async () => {
  const call = (said: string) =>
    toolCalls([{ name: 'code_interpreter', arguments: { code: 'print(1)' } }], { text: said });
  const { run, messages } = await streamed(
    [cutAfter(call('Let me look.'), 5), call('I shall look.'), text('1.')],
    [CODE],
  );
  expect(run.status).toBe('completed');
  expect(messages).toMatchObject([
    { status: 'completed', content: [{ text: { value: 'Let me look.' } }] },
    { status: 'completed', content: [{ text: { value: '1.' } }] },
  ]);
});

test('shows the answer of a turn that makes its calls no more', async () => {
  const call = toolCalls([{ name: 'code_interpreter', arguments: { code: 'print(1)' } }], {
    text: 'Let me look.',
  });
  const { messages } = await streamed([cutAfter(call, 5), text('It is 1.')], [CODE]);
  expect(messages.map(({ content }) => content)).toMatchObject([
    [{ text: { value: 'Let me look.' } }],
    [{ text: { value: 'It is 1.' } }],
  ]);
});

test('does not run code again when the answer that follows it is cut', async () => {
  const code = 'try: runs += 1\nexcept NameError: runs = 1\nprint(runs)';
  const call = (text: string) =>
    toolCalls([{ name: 'code_interpreter', arguments: { code: text } }]);
  const { steps } = await streamed(
    [call(code), cutAfter(text('It ran one time.'), 2), call('print(runs)'), text('Once.')],
    [CODE],
  );
  expect(steps.map(({ type, status }) => [type, status])).toEqual([
    ['tool_calls', 'completed'],
    ['message_creation', 'failed'],
    ['tool_calls', 'completed'],
    ['message_creation', 'completed'],
  ]);
  expect(steps[2]?.step_details).toMatchObject({
    tool_calls: [{ code_interpreter: { outputs: [{ type: 'logs', logs: '1\n' }] } }],
  });
});

test('asks again when the answer is not a stream of completions', async () => {
  const page = garbage('<html>Welcome</html>', { 'content-type': 'text/html' });
  const { run, messages } = await streamed([page, text('Answer.')]);
  expect(run.status).toBe('completed');
  expect(messages).toHaveLength(1);
});

test('tells the model that the run does not have the tool it called', async () => {
  const reply = toolCalls([{ name: 'launch_rocket', arguments: {} }]);
  const { run, steps, model } = await streamed([reply, text('I cannot.')], [WEATHER]);
  expect(run.status).toBe('completed');
  const output = "There is no tool named 'launch_rocket'. The tools are: get_weather.";
  expect(steps).toMatchObject([
    { status: 'completed', step_details: { tool_calls: [{ function: { output } }] } },
    { status: 'completed', type: 'message_creation' },
  ]);
  expect(env.model.requests(model)[1]?.body.messages.at(-1)).toMatchObject({
    role: 'tool',
    content: output,
  });
});

test('gives up on a model that goes on calling what is not there', async () => {
  const reply = () => toolCalls([{ name: 'launch_rocket', arguments: {} }]);
  const { run } = await streamed([reply(), reply(), reply()], [WEATHER]);
  expect(run.last_error?.message).toBe(
    'The model went on calling tools in ways that cannot be run.',
  );
});

test('closes the open message and step of a run that fails in the middle of an answer', async () => {
  const delta = (content: string) => ({
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
  });
  const endless = chunks([delta('Hello'), delta(' there'), delta('x'.repeat(4 * 1024 * 1024))]);
  const { run, names, messages, steps } = await streamed([endless]);
  const last_error = { code: 'server_error', message: expect.stringContaining('4 MiB') };
  expect(run).toMatchObject({ status: 'failed', last_error });
  expect(names).toEqual([
    ...BEGIN,
    ...STEP,
    ...MESSAGE,
    'thread.message.incomplete',
    'thread.run.step.failed',
    'thread.run.failed',
  ]);
  expect(messages).toMatchObject([{ incomplete_details: { reason: 'run_failed' } }]);
  expect(steps).toMatchObject([{ status: 'failed', last_error }]);
});

test('fails a run whose answer the model server filtered', async () => {
  const { run, names, messages, steps } = await streamed([
    text('I must not', { finishReason: 'content_filter' }),
  ]);
  expect(run).toMatchObject({ status: 'failed', last_error: { code: 'server_error' } });
  expect(names).toEqual([
    ...BEGIN,
    ...STEP,
    ...MESSAGE,
    'thread.message.incomplete',
    'thread.run.step.failed',
    'thread.run.failed',
  ]);
  expect(messages).toMatchObject([
    { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
  ]);
  expect(steps).toMatchObject([{ status: 'failed' }]);
});

test('ends incomplete when the answer is cut by its length, with the step completed', async () => {
  const { run, names, messages, steps } = await streamed([
    text('As I was sayi', { finishReason: 'length' }),
  ]);
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_completion_tokens' },
    completed_at: null,
    last_error: null,
    usage: { completion_tokens: expect.any(Number) },
  });
  expect(names).toEqual([
    ...BEGIN,
    ...STEP,
    ...MESSAGE,
    'thread.message.incomplete',
    'thread.run.step.completed',
    'thread.run.incomplete',
  ]);
  expect(messages).toMatchObject([
    {
      status: 'incomplete',
      incomplete_details: { reason: 'max_tokens' },
      content: [{ text: { value: 'As I was sayi' } }],
    },
  ]);
  expect(steps).toMatchObject([{ status: 'completed' }]);
});

test('ends incomplete when a tool call is cut by its length, and asks nobody to run it', async () => {
  const reply = chunks([
    {
      choices: [
        {
          index: 0,
          delta: {
            tool_calls: [
              { index: 0, id: 'a', function: { name: 'get_weather', arguments: '{"ci' } },
            ],
          },
          finish_reason: null,
        },
      ],
    },
    { choices: [{ index: 0, delta: {}, finish_reason: 'length' }] },
  ]);
  const { run, steps } = await streamed([reply], [WEATHER]);
  expect(run).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_completion_tokens' },
    required_action: null,
  });
  expect(steps).toMatchObject([{ type: 'tool_calls', status: 'failed' }]);
});
