/**
 * docker-compose.yml brought up with two APIs, two workers, the proxy and backups. Where no registry answers, test/compose/stand-ins makes
 * the images of PostgreSQL, Temporal, its tools and UI, Caddy and Node from Debian's packages and Go modules; ours are the Dockerfile's.
 */
import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { runProgram } from '../examples/run-program.ts';
import { eventually, StreamReader } from '../support/durable-run.ts';
import { readToDone } from '../support/stream-events.ts';
import { Stack } from './stack.ts';

/** Larger than the demo model's answers need, and shorter than a run lives. */
const SLOW = 'Please tell me in detail what you are and what you can do.';
const BYTES: Record<string, number> = { threadmill: 400e6, 'threadmill-sandboxd': 900e6 };

let stack: Stack;
beforeAll(async () => (stack = await Stack.start()));
afterAll(() => stack?.[Symbol.asyncDispose]());

test('every service is healthy, and those that run once have ended well', async () => {
  for (const [service, count] of [
    ['api', 2],
    ['worker', 2],
    ['sandboxd', 1],
    ['proxy', 1],
  ] as const) {
    expect(await stack.containers(service), service).toHaveLength(count);
  }
  for (const base of await stack.apis()) {
    const answer = await fetch(base.replace('/v1', '/readyz'));
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('ok')]);
  }
  const [ui] = await stack.containers('temporal-ui');
  expect((await fetch(`http://${await stack.address(ui!, 8080)}`)).status).toBe(200);
});

test.each(Object.entries(BYTES))('the image %s is smaller than %d bytes', async (image, limit) => {
  const version = '0.1.0';
  const size = await stack.engine.engine(
    'image',
    'inspect',
    '--format',
    '{{.Size}}',
    `${image}:${version}`,
  );
  console.log(`${image}: ${Math.round(Number(size) / 1e6)} MB`);
  expect(Number(size)).toBeLessThanOrEqual(limit);
});

test.each([
  'math_tutor.py',
  'math-tutor.ts',
  'function_calling.py',
  'function-calling.ts',
  'plot.py',
  'csv-summary.ts',
  'file_search.py',
  'variables.ts',
])('the example %s runs against an API in a container', async (name) => {
  const [baseUrl = ''] = await stack.apis();
  const figure = name === 'plot.py' ? [join(tmpdir(), `sine-${randomUUID()}.png`)] : [];
  const outcome = await runProgram(`examples/${name}`, { baseUrl, apiKey: stack.apiKey }, figure);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).not.toContain('The run failed');
});

test('the proxy has TLS and passes a stream on as it comes', async () => {
  const [proxy = ''] = await stack.containers('proxy');
  const ref = await start();
  const [host, port] = (await stack.address(proxy, 443)).split(':');
  const root = '/data/caddy/pki/authorities/local/root.crt';
  const ca = await stack.engine.engine('exec', proxy, 'cat', root);
  const pieces = await new Promise<number>((resolve, reject) => {
    const headers = { authorization: `Bearer ${stack.apiKey}`, host: 'localhost' };
    const options = {
      host,
      port,
      ca,
      servername: 'localhost',
      path: `/v1${ref.path}/events`,
      headers,
    };
    request(options, (response) => {
      let count = 0;
      response
        .on('data', () => count++)
        .on('end', () => resolve(count))
        .on('error', reject);
    })
      .on('error', reject)
      .end();
  });
  expect(pieces).toBeGreaterThan(10);
});

test('a stream that began at one API is read on at the other when the first is killed', async () => {
  const ref = await start();
  const [first = '', second = ''] = await stack.apis();
  const reader = new StreamReader(await events(first, ref));
  await reader.saw('thread.message.delta', 3);
  const [container] = await stack.containers('api');
  await stack.engine.engine('kill', '--signal', 'KILL', container!);
  expect(await reader.finished).not.toBe('done');
  const rest = await readToDone(await events(second, ref, reader.lastId));
  const ids = [...reader.events, ...rest].map(({ id }) => id);
  expect(ids).toEqual(ids.map((_, index) => index + 1));
  expect(rest.at(-1)!.event).toBe('thread.run.completed');
  await stack.startAgain(container!);
});

test.each(['api', 'worker', 'sandboxd', 'temporal', 'postgres', 'proxy', 'temporal-ui'])(
  'a run in flight ends once although every container of %s is killed',
  async (service) => {
    const ref = await start([{ type: 'code_interpreter' }]);
    const reader = new StreamReader(await events((await stack.apis())[1]!, ref));
    await reader.saw('thread.message.delta', 2);
    await stack.killAndStart(service);
    await expectEndedOnce(ref);
    // What comes after it works as before: code runs, and its answer arrives.
    const next = await start([{ type: 'code_interpreter' }], 'Solve 3x + 11 = 14', 'fast');
    await expectEndedOnce(next);
    const client = await stack.client();
    const steps = await client.beta.threads.runs.steps.list(next.run, { thread_id: next.thread });
    expect(steps.data.map(({ type }) => type)).toContain('tool_calls');
  },
);

test('a restore brings back the moment: what ended is there, what was accepted goes on, later things are gone', async () => {
  const before = await start([], 'What are you?', 'fast');
  await expectEndedOnce(before);
  const inPostgres = ['exec', '--user', 'postgres', (await stack.containers('postgres'))[0]!];
  await stack.engine.engine(...inPostgres, 'sh', '/backup.sh', 'base');
  for (const worker of await stack.containers('worker')) await stack.engine.engine('stop', worker);
  const accepted = await start([], 'What are you?', 'fast');
  // Temporal has the workflow, in the databases that are restored with ours.
  await eventually(async () => expect(await sql('select count(*) from deliveries')).toBe('0'));
  const moment = await sql('select clock_timestamp()');
  const after = await start([], 'What are you?', 'fast');
  const last = await sql('select pg_walfile_name(pg_switch_wal())');
  await eventually(async () => {
    expect((await sql('select last_archived_wal from pg_stat_archiver')) >= last).toBe(true);
  });

  await stack.engine.compose('stop');
  const restore = ['/backup.sh', 'restore', moment];
  const run = ['run', '--rm', '--no-deps', '--user', 'postgres', '--entrypoint', 'sh', 'postgres'];
  expect(await stack.engine.compose(...run, ...restore)).toContain('PostgreSQL will start from');
  await stack.up();

  await expectEndedOnce(before);
  await expectEndedOnce(accepted);
  const client = await stack.client();
  await expect(
    client.beta.threads.runs.retrieve(after.run, { thread_id: after.thread }),
  ).rejects.toMatchObject({ status: 404 });
});

type Ref = { thread: string; run: string; path: string };

async function start(
  tools: OpenAI.Beta.AssistantTool[] = [],
  content = SLOW,
  model = 'slow',
): Promise<Ref> {
  // The second API, since the first is killed alone.
  const client = await stack.client(1);
  const { id: assistant_id } = await client.beta.assistants.create({ model, tools });
  const { id: run, thread_id: thread } = await client.beta.threads.createAndRun({
    assistant_id,
    thread: { messages: [{ role: 'user', content }] },
  });
  return { thread, run, path: `/threads/${thread}/runs/${run}` };
}

function events(base: string, { path }: Ref, lastEventId = 0): Promise<Response> {
  const headers = { authorization: `Bearer ${stack.apiKey}`, 'last-event-id': String(lastEventId) };
  return fetch(`${base}${path}/events`, { headers });
}

/** Completed, with one answer and one end in its events. */
async function expectEndedOnce({ thread, run, path }: Ref): Promise<void> {
  const client = await stack.client();
  const ended = await eventually(async () => {
    const found = await client.beta.threads.runs.retrieve(run, { thread_id: thread });
    expect(['queued', 'in_progress']).not.toContain(found.status);
    return found;
  });
  expect([ended.status, ended.last_error]).toEqual(['completed', null]);
  const [base = ''] = await stack.apis();
  const seen = await readToDone(await events(base, { thread, run, path }));
  expect(seen.filter(({ event }) => event === 'thread.run.completed')).toHaveLength(1);
  const { data } = await client.beta.threads.messages.list(thread);
  const answers = data.filter(({ role, status }) => role === 'assistant' && status === 'completed');
  expect(answers).toHaveLength(1);
}

/** A value in Threadmill's database. */
async function sql(statement: string): Promise<string> {
  const [postgres = ''] = await stack.containers('postgres');
  const psql = [
    'psql',
    '--username',
    'threadmill',
    '--tuples-only',
    '--no-align',
    '--command',
    statement,
  ];
  return (await stack.engine.engine('exec', '--user', 'postgres', postgres, ...psql)).trim();
}
