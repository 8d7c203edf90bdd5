import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test('streams a text run in the recorded order of events', async () => {
  env.model.script(
    'm-text',
    text('Hello there, Jane.', { tokens: ['Hello', ' there', ', Jane.'] }),
  );
  const assistant = await env.client.beta.assistants.create({
    model: 'm-text',
    instructions: 'Be kind.',
  });
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'Hi' }],
  });
  const names: string[] = [];
  const stream = env.client.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id });
  stream.on('event', ({ event }) => names.push(event));
  const run = await stream.finalRun();
  expect(run.status).toBe('completed');
  expect(names.filter((name) => name !== 'thread.message.delta')).toEqual([
    'thread.run.created',
    'thread.run.queued',
    'thread.run.in_progress',
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.message.created',
    'thread.message.in_progress',
    'thread.message.completed',
    'thread.run.step.completed',
    'thread.run.completed',
  ]);
  const [message] = await stream.finalMessages();
  expect(message?.content).toEqual([
    { type: 'text', text: { value: 'Hello there, Jane.', annotations: [] } },
  ]);
  const { data } = await env.client.beta.threads.messages.list(thread.id);
  expect(data.map((entry) => entry.role)).toEqual(['assistant', 'user']);
  expect(env.model.overruns).toEqual([]);
});
