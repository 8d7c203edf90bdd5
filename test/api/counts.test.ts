/**
 * What a run costs in statements, notifications, model calls and history events. These numbers do not depend on the
 * machine: a change that moves one must say so here.
 */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true, worker: false });
  // No pass of the reconciler falls into what is counted.
  await env.pool.query('delete from passes');
  await env.startWorker();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

type Statement = { name: string; text: string };

/** Runs `work` while every statement of the API and the worker, which share this process, is written down. */
async function recordStatements(work: () => Promise<void>): Promise<Statement[]> {
  const statements: Statement[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
  const original = pg.Client.prototype.query;
  const recording = function (this: pg.Client, ...args: unknown[]): unknown {
    const [config] = args as [{ name?: string; text?: string } | string];
    const statement = typeof config === 'string' ? { name: config, text: config } : config;
    if (!this.database?.startsWith('postgres')) {
      statements.push({ name: statement.name ?? '', text: statement.text ?? '' });
    }
    return Reflect.apply(original, this, args);
  };
  Object.defineProperty(pg.Client.prototype, 'query', {
    value: recording,
    configurable: true,
    writable: true,
  });
  try {
    await work();
  } finally {
    Object.defineProperty(pg.Client.prototype, 'query', {
      value: original,
      configurable: true,
      writable: true,
    });
  }
  return statements;
}

/** Statements of the run itself: no health checks, polls of the feed, redelivery passes or heartbeats of a connection. */
function ofTheRun(statements: Statement[]): string[] {
  const background = [
    'run-events.read-many',
    'deliveries.take',
    'maintenance.take-pass',
    'select 1',
    'api-keys.caller',
    'api-keys.used',
    'api-keys.active',
    'usage.count-requests',
    // Once a connection.
    'scope.set',
  ];
  return statements.map(({ name }) => name).filter((name) => !background.includes(name));
}

async function historyLength(runId: string): Promise<number> {
  const handle = env.temporal.workflow.getHandle(runId);
  await handle.result();
  return ((await handle.fetchHistory()).events ?? []).length;
}

async function prepare(model: string, tools: object[] = []) {
  const assistant = await env.client.beta.assistants.create({
    model,
    instructions: 'Answer.',
    tools: tools as [],
  });
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'Hi' }],
  });
  return { assistant_id: assistant.id, thread_id: thread.id };
}

const counts = (names: string[]) => {
  const transactions = names.filter((name) => name.startsWith('begin')).length;
  return { transactions, statements: names.length - 2 * transactions };
};

test('a plain run: 12 events, 1 model call, and this many statements', async () => {
  env.model.script('c-plain', text('one two', { tokens: ['one two'] }));
  const { assistant_id, thread_id } = await prepare('c-plain');
  let runId = '';
  const statements = await recordStatements(async () => {
    const run = await env.client.beta.threads.runs.stream(thread_id, { assistant_id }).finalRun();
    runId = run.id;
    await historyLength(runId);
  });
  expect(await historyLength(runId)).toBe(12);
  expect(env.model.requests('c-plain')).toHaveLength(1);
  const names = ofTheRun(statements);
  expect(counts(names)).toEqual({ statements: 21, transactions: 4 });
  expect(statements.filter(({ text: sql }) => sql.includes('pg_notify')).length).toBe(4);
});

test('a function pause: 24 events and 2 model calls', async () => {
  const weather = {
    type: 'function',
    function: { name: 'weather', parameters: { type: 'object', properties: {} } },
  };
  env.model.script(
    'c-function',
    toolCalls([{ name: 'weather', arguments: {} }]),
    text('Sunny.', { tokens: ['Sunny.'] }),
  );
  const { assistant_id, thread_id } = await prepare('c-function', [weather]);
  const waiting = await env.client.beta.threads.runs.stream(thread_id, { assistant_id }).finalRun();
  const timerStarted = async () => {
    const { events } = await env.temporal.workflow.getHandle(waiting.id).fetchHistory();
    return (events ?? []).some((event) => event.timerStartedEventAttributes);
  };
  await expect.poll(timerStarted).toBe(true);
  const outputs = waiting.required_action!.submit_tool_outputs.tool_calls.map(({ id }) => ({
    tool_call_id: id,
    output: 'sun',
  }));
  await env.client.beta.threads.runs
    .submitToolOutputsStream(waiting.id, { thread_id, tool_outputs: outputs })
    .finalRun();
  expect(await historyLength(waiting.id)).toBe(24);
  expect(env.model.requests('c-function')).toHaveLength(2);
});

test('a code_interpreter call: 24 events, 2 model calls, and this many statements', async () => {
  const call = toolCalls([{ name: 'code_interpreter', arguments: { code: 'x = 1\nprint(x)' } }]);
  env.model.script('c-code', call, text('1', { tokens: ['1'] }));
  const { assistant_id, thread_id } = await prepare('c-code', [{ type: 'code_interpreter' }]);
  let runId = '';
  const statements = await recordStatements(async () => {
    const run = await env.client.beta.threads.runs.stream(thread_id, { assistant_id }).finalRun();
    expect(run.status).toBe('completed');
    runId = run.id;
    await historyLength(runId);
  });
  expect(await historyLength(runId)).toBe(24);
  expect(env.model.requests('c-code')).toHaveLength(2);
  const names = ofTheRun(statements);
  const ofTheCall = names.slice(names.indexOf('tool-calls.read'), names.lastIndexOf('turns.claim'));
  expect(ofTheCall.filter((name) => !/^(begin|commit)/.test(name))).toEqual([
    'tool-calls.read',
    'interpreters.take',
    'stored-bytes.room',
    'blobs.write-whole',
    'runs.lock',
    'tool-calls.store',
    'tool-calls.step',
    'run-steps.end',
    'run-events.append',
    'interpreters.settle',
    'usage.count-cell',
  ]);
});

test('a long stream notifies once per flush, not once per token', async () => {
  env.model.script(
    'c-long',
    text('word '.repeat(2_000), { tokens: Array.from({ length: 2_000 }, () => 'word ') }),
  );
  const { assistant_id, thread_id } = await prepare('c-long');
  const statements = await recordStatements(async () => {
    await env.client.beta.threads.runs.stream(thread_id, { assistant_id }).finalRun();
  });
  const flushes = statements.filter(({ name }) => name === 'run-events.deltas').length;
  const notifying = statements.filter(({ text: sql }) => sql.includes('pg_notify')).length;
  expect(flushes).toBeLessThan(200);
  expect(notifying - flushes).toBe(4);
});
