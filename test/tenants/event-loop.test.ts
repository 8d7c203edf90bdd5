/**
 * What one tenant's legal requests do to the event loop that all tenants share. Not the clock is gated but the thread's
 * processor time, which other programs do not make longer; on a computer of its own the longest block is 50 ms
 * (docs/performance.md), and it was seconds for each of these before bodies had bounds.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { watchLoop } from '../support/loop-blocks.ts';
import type { LoopWatch } from '../support/loop-blocks.ts';

/** Milliseconds. Room for slow computers, and for the client, which shares the thread. */
const MOST = 300;

let env: Environment;
let watch: LoopWatch;
beforeAll(async () => {
  env = await Environment.start({
    config: {
      modelContextWindow: 10_000_000,
      models: [{ id: 'away', base_url: 'http://127.0.0.1:9/v1' }],
    },
  });
  watch = watchLoop();
  await send('/v1/threads', '{}');
});
afterAll(async () => {
  watch[Symbol.dispose]();
  await env[Symbol.asyncDispose]();
});

async function send(path: string, body: string): Promise<number> {
  const response = await env.fetch(path, { method: 'POST', body });
  await response.arrayBuffer();
  return response.status;
}

/** No words: the costliest text to count. */
function letters(length: number): string {
  let state = length;
  let made = '';
  while (made.length < length) {
    state = (state * 48_271) % 2_147_483_647;
    made += String.fromCharCode(97 + (state % 26));
  }
  return made;
}

const MEGABYTES = 10_000_000;
const repeat = (part: string) => part.repeat(MEGABYTES / part.length);
const messages = (count: number, one: object) =>
  JSON.stringify({ messages: Array(count).fill(one) });
const LONG = letters(250_000);
const functions = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    type: 'function' as const,
    function: { name: `f${at}`, description: LONG },
  }));

test.each<[string, string, number, string]>([
  ['three million empty lists', '/threads', 400, `{"a":[${repeat('[],')}1]}`],
  ['brackets without an end', '/threads', 400, repeat('[')],
  ['a million pairs', '/threads', 400, `{"metadata":{${repeat('"k":"v",')}"a":"b"}}`],
  ['one string', '/threads', 400, `{"a":"${repeat('\\n')}"}`],
  ['white space', '/threads', 200, `${repeat(' ')}{}`],
  ['ten thousand wrong messages', '/threads', 400, messages(10_000, { role: 'user', content: 5 })],
  [
    'eight messages of 250,000 letters',
    '/threads',
    200,
    messages(8, { role: 'user', content: LONG }),
  ],
  ['10 MB of functions', '/assistants', 400, JSON.stringify({ model: 'm', tools: functions(39) })],
  [
    'three million lists for a model',
    '/chat/completions',
    502,
    `{"model":"away","x":[${repeat('[],')}1]}`,
  ],
])('a body of %s does not hold up the event loop', async (_, path, status, body) => {
  watch.take();
  expect(await send(`/v1${path}`, body)).toBe(status);
  expect(watch.take().processor).toBeLessThan(MOST);
});

test('an answer of megabytes in one delta does not hold up the event loop', async () => {
  const answer = 'x'.repeat(4_000_000);
  env.model.script('long', text(answer, { chunkSize: answer.length }));
  const { id } = await env.client.beta.assistants.create({ model: 'long' });
  watch.take();
  const run = await env.client.beta.threads.createAndRunPoll({
    assistant_id: id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  expect(run.status).toBe('completed');
  expect(watch.take().processor).toBeLessThan(MOST);
});

test('a run with a megabyte of tools does not hold up the event loop', async () => {
  env.model.script('tools', text('Ok.'));
  watch.take();
  const { id } = await env.client.beta.assistants.create({ model: 'tools', tools: functions(4) });
  const run = await env.client.beta.threads.createAndRunPoll({
    assistant_id: id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  expect(run.status).toBe('completed');
  expect(watch.take().processor).toBeLessThan(MOST);
});
