import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import { checkRun, CODE, eventsOf, reached, setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({
    sandbox: true,
    config: { cellSoftSeconds: 4, cellHardSeconds: 8 },
  });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const code = (...sources: string[]) =>
  toolCalls(
    sources.map((source) => ({ name: 'code_interpreter', arguments: { code: source } })),
    { splitEvery: 5 },
  );

const CODE_STEP = [
  'thread.run.step.created',
  'thread.run.step.in_progress',
  'thread.run.step.delta',
  'thread.run.step.completed',
];
const MESSAGE_STEP = [
  'thread.run.step.created',
  'thread.run.step.in_progress',
  'thread.message.created',
  'thread.message.in_progress',
  'thread.message.delta',
  'thread.message.completed',
  'thread.run.step.completed',
];

/** Streams a run of these replies to its end, and checks it. */
async function runCode(replies: Reply[]) {
  const setup = await setUp(env, replies, { tools: [CODE] });
  const stream = env.client.beta.threads.runs.stream(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  const inputs: string[] = [];
  const logs: string[] = [];
  stream.on('toolCallDelta', (delta) => {
    if (delta.type !== 'code_interpreter') return;
    if (delta.code_interpreter?.input) inputs.push(delta.code_interpreter.input);
    for (const output of delta.code_interpreter?.outputs ?? []) {
      if (output.type === 'logs') logs.push(output.logs ?? '');
    }
  });
  const events = await eventsOf(stream);
  const run = await stream.finalRun();
  return { ...setup, ...(await checkRun(env, run, [events])), events, inputs, logs };
}

/** Input and logs of every code call, in order. */
function calls(steps: { step_details: object }[]): { input: string; logs: string[] }[] {
  type Details = {
    tool_calls?: { code_interpreter: { input: string; outputs: { logs: string }[] } }[];
  };
  return steps.flatMap(({ step_details }) =>
    ((step_details as Details).tool_calls ?? []).map(({ code_interpreter }) => ({
      input: code_interpreter.input,
      logs: code_interpreter.outputs.map((output) => output.logs),
    })),
  );
}

test('streams the code as it is written, its output, and then the answer', async () => {
  const source = 'x = (14 - 11) / 3\nprint(f"x = {x}")';
  const { run, steps, events, inputs, logs, model } = await runCode([
    code(source),
    text('x is 1.'),
  ]);
  expect(run.status).toBe('completed');
  expect(outline(events).slice(3, -1)).toEqual([...CODE_STEP, ...MESSAGE_STEP]);
  expect(inputs.length).toBeGreaterThan(0);
  expect(inputs.join('')).toBe(source);
  expect(logs).toEqual(['x = 1.0\n']);
  expect(calls(steps)).toEqual([{ input: source, logs: ['x = 1.0\n'] }]);
  const [request, next] = env.model.requests(model);
  expect(request?.body.tools).toMatchObject([{ function: { name: 'code_interpreter' } }]);
  expect(request?.body.messages[0]?.content).toContain('Be kind.');
  expect(next?.body.messages.slice(-2)).toMatchObject([
    { tool_calls: [{ function: { arguments: JSON.stringify({ code: source }) } }] },
    { role: 'tool', content: 'x = 1.0\n' },
  ]);
});

const TICKS = `import time
for n in range(2): print('tick', n); time.sleep(1.1)
print('end')`;

test('streams what a cell prints while it runs, and nothing twice', async () => {
  const { steps, logs } = await runCode([code(TICKS), text('Done.')]);
  expect(logs.length).toBeGreaterThan(1);
  expect(logs[0]).toBe('tick 0\n');
  expect(logs.join('')).toBe('tick 0\ntick 1\nend\n');
  expect(calls(steps)[0]?.logs).toEqual([logs.join('')]);
});

test('keeps what was streamed of a cell whose run is cancelled', async () => {
  const setup = await setUp(env, [code('print("seen")\nimport time\ntime.sleep(30)')], {
    tools: [CODE],
  });
  const stream = env.client.beta.threads.runs.stream(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  const seen = Promise.withResolvers<string>();
  stream.on('toolCallDelta', (delta) => {
    const [output] = (delta.type === 'code_interpreter' && delta.code_interpreter?.outputs) || [];
    if (output?.type === 'logs') seen.resolve(output.logs ?? '');
  });
  const events = eventsOf(stream);
  expect(await seen.promise).toBe('seen\n');
  const listed = await env.client.beta.threads.runs.list(setup.threadId);
  await env.client.beta.threads.runs.cancel(listed.data[0]!.id, { thread_id: setup.threadId });
  const run = await stream.finalRun();
  expect(run.status).toBe('cancelled');
  const { steps } = await checkRun(env, run, [await events]);
  expect(calls(steps)[0]?.logs).toEqual(['seen\n']);
});

test('opens a code call empty, and sends its outputs with their index', async () => {
  const { log, steps } = await runCode([code('print(1)'), text('1.')]);
  const deltas = log
    .filter(({ event }) => event === 'thread.run.step.delta')
    .map(({ data }) => (data as { delta: { step_details: { tool_calls: object[] } } }).delta);
  const [details] = calls(steps);
  const { id } = (steps[0] as unknown as { step_details: { tool_calls: [{ id: string }] } })
    .step_details.tool_calls[0];
  expect(deltas[0]?.step_details.tool_calls).toEqual([
    { index: 0, id, type: 'code_interpreter', code_interpreter: { input: '', outputs: [] } },
  ]);
  expect(deltas.at(-1)?.step_details.tool_calls).toEqual([
    {
      index: 0,
      type: 'code_interpreter',
      code_interpreter: { outputs: [{ index: 0, type: 'logs', logs: '1\n' }] },
    },
  ]);
  expect(details).toEqual({ input: 'print(1)', logs: ['1\n'] });
});

test('logs the value of the last expression, and a traceback when the code fails', async () => {
  const { steps, run } = await runCode([
    code('6 * 7'),
    code('print("before")\n1 / 0'),
    code('def f(:'),
    text('Done.'),
  ]);
  expect(run.status).toBe('completed');
  const [value, error, syntax] = calls(steps).map(({ logs }) => logs.join(''));
  expect(value?.trim()).toBe('42');
  expect(error).toMatch(/^before\n/);
  expect(error).toContain('ZeroDivisionError: division by zero');
  expect(syntax).toContain('SyntaxError');
});

test('keeps variables from turn to turn and from run to run of a thread', async () => {
  const { threadId, assistant, model } = await runCode([code('x = 5'), text('Set.')]);
  env.model.script(model, code('print(x + 1)'), text('Six.'));
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  const { steps } = await checkRun(env, run);
  expect(calls(steps)).toEqual([{ input: 'print(x + 1)', logs: ['6\n'] }]);
});

test('alternates text and code freely, each in a step of its own', async () => {
  const withText = (said: string, source: string) =>
    toolCalls([{ name: 'code_interpreter', arguments: { code: source } }], { text: said });
  const { steps, messages, events } = await runCode([
    withText('First I add.', 'a = 1 + 1'),
    withText('Then I print.', 'print(a)'),
    text('It is 2.'),
  ]);
  expect(outline(events).slice(3, -1)).toEqual([
    ...MESSAGE_STEP,
    ...CODE_STEP,
    ...MESSAGE_STEP,
    ...CODE_STEP,
    ...MESSAGE_STEP,
  ]);
  expect(calls(steps)).toEqual([
    { input: 'a = 1 + 1', logs: [] },
    { input: 'print(a)', logs: ['2\n'] },
  ]);
  expect(messages).toHaveLength(3);
});

test('runs two code calls of one turn in one step', async () => {
  const { steps, model } = await runCode([code('print("one")', 'print("two")'), text('Both.')]);
  expect(steps).toHaveLength(2);
  expect(calls(steps)).toEqual([
    { input: 'print("one")', logs: ['one\n'] },
    { input: 'print("two")', logs: ['two\n'] },
  ]);
  const results = env.model.requests(model)[1]?.body.messages.slice(-2);
  expect(results).toMatchObject([{ content: 'one\n' }, { content: 'two\n' }]);
});

test('takes arguments that are not the expected JSON for the code itself', async () => {
  const written: [string, string][] = [
    ['print("raw")', 'print("raw")'],
    ['"print(\\"text\\")"', 'print("text")'],
    ['{"language": "python", "code": "print(\\u0031)"}', 'print(1)'],
    ['{"code": "print(\\"caf\\u00e9 \\ud83c\\udf89\\")"}', 'print("café 🎉")'],
  ];
  for (const [args, source] of written) {
    const reply = toolCalls([{ name: 'code_interpreter', arguments: args }], { splitEvery: 1 });
    const { steps, inputs } = await runCode([reply, text('Done.')]);
    expect(inputs.join('')).toBe(source);
    expect(calls(steps)[0]?.input).toBe(source);
    expect(calls(steps)[0]?.logs.join('')).not.toContain('Error');
  }
});

test('stops code that takes too long, and lets the model go on with the same variables', async () => {
  const { run, steps } = await runCode([
    code('x = 7\nprint("begun")\nwhile True: pass'),
    code('print(x)'),
    text('Done.'),
  ]);
  expect(run.status).toBe('completed');
  const [first, second] = calls(steps).map(({ logs }) => logs.join(''));
  expect(first).toMatch(/^begun\n[^]*timed out after 4 s/);
  expect(second).toBe('7\n');
});

test('tells the model that a call has no code', async () => {
  const reply = toolCalls([{ name: 'code_interpreter', arguments: '{}' }]);
  const { run, steps } = await runCode([reply, text('Nothing.')]);
  expect(run.status).toBe('completed');
  const told = 'The call was not understood: code_interpreter expects {"code": "…"}';
  expect(calls(steps)).toEqual([{ input: '', logs: [expect.stringContaining(told)] }]);
});

test('sends outputs of any size and any bytes whole', async () => {
  const { steps, logs } = await runCode([
    code('for i in range(2000): print("é日🎉", i)\nprint("a\\x00b")'),
    text('Done.'),
  ]);
  const stored = calls(steps)[0]!.logs;
  expect(logs).toEqual(stored);
  expect(stored[0]).toMatch(/^é日🎉 0\n/);
  expect(stored[0]).toContain('é日🎉 1999\n');
  expect(stored[0]).not.toContain('\u0000');
});

test('shows the code before it runs', async () => {
  const held = hold(code('print("now")'), { afterChunks: 6 });
  const setup = await setUp(env, [held.reply, text('Done.')], { tools: [CODE] });
  const run = await env.client.beta.threads.runs.create(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  await held.reached;
  await reached(env, run, 'thread.run.step.delta');
  held.release();
  const { log } = await checkRun(env, run);
  expect(log.filter(({ event }) => event === 'thread.run.step.delta').length).toBeGreaterThan(2);
});

test('says nothing of the code interpreter when the run takes it away', async () => {
  const { assistant, threadId, model } = await setUp(env, [text('Hi.')], { tools: [CODE] });
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
    tools: [],
  });
  await checkRun(env, run);
  const [request] = env.model.requests(model);
  expect(request?.body.tools).toBeUndefined();
  expect(request?.body.messages[0]).toEqual({ role: 'system', content: 'Be kind.' });
});
