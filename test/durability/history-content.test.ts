/** Temporal keeps histories in clear, and shows them to operators: what people and models wrote is in none of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { cutAfter, hold, text, toolCalls } from '../support/fake-model.ts';
import { CODE, outputsFor, reached, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

/** In all that is written into a run. */
const MARK = 'Marmalade';
const FIELDS = { instructions: `Speak of ${MARK}.`, name: MARK, metadata: { topic: MARK } };

/** Every string and every payload of the run's history. */
async function historyOf(runId: string): Promise<string> {
  const handle = env.temporal.workflow.getHandle(runId);
  await handle.result().catch(() => {});
  return textIn(await handle.fetchHistory());
}

function textIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textIn).join('\n');
}

test('the history of a run that calls functions has no arguments, outputs, questions or answers', async () => {
  const replies = [
    toolCalls([{ name: 'get_weather', arguments: { city: MARK } }], { text: `${MARK}? ` }),
    text(`So much for ${MARK}.`),
  ];
  const fields = { ...FIELDS, tools: [WEATHER] };
  const { assistant, threadId } = await setUp(env, replies, fields, `What of ${MARK}?`);
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const outputs = { thread_id: threadId, tool_outputs: outputsFor(paused, MARK) };
  const run = await runs.submitToolOutputsAndPoll(paused.id, outputs);
  expect(run.status).toBe('completed');
  const history = await historyOf(run.id);
  expect(history).toContain(run.id);
  expect(history).not.toContain(MARK);
});

test('the history of a run that runs code has neither the code nor its outputs', async () => {
  const code = { name: 'code_interpreter', arguments: { code: `print('${MARK}')` } };
  const replies = [toolCalls([code]), text(MARK)];
  const { assistant, threadId } = await setUp(env, replies, { ...FIELDS, tools: [CODE] }, MARK);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run.status).toBe('completed');
  expect(await historyOf(run.id)).not.toContain(MARK);
});

test('the history of a run that is cut off, tried again and cancelled has no part of an answer', async () => {
  const half = hold(text(`${MARK} once and again.`), { afterChunks: 2 });
  const replies = [cutAfter(text(`${MARK} is cut.`), 2), half.reply];
  const { assistant, threadId } = await setUp(env, replies, FIELDS, MARK);
  const { runs } = env.client.beta.threads;
  const { id } = await runs.create(threadId, { assistant_id: assistant.id });
  await half.reached;
  await reached(env, { id, thread_id: threadId }, 'thread.message.delta');
  await runs.cancel(id, { thread_id: threadId });
  const history = await historyOf(id);
  half.release();
  expect(history).toContain(id);
  expect(history).not.toContain(MARK);
});
