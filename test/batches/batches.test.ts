/** Batches as the vendor's guide uses them: upload, create, poll, download. */
import { randomUUID } from 'node:crypto';

import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { callLookup, eventually, LOOKUP } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { dynamic, status, text } from '../support/fake-model.ts';
import type { ModelRequest } from '../support/fake-model.ts';
import { outputsFor } from '../support/runs.ts';
import { answerOf, questions, resultsOf, runOf, submit, untilStatus } from './support.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const lastText = ({ messages }: ModelRequest) => JSON.stringify(messages.at(-1)!.content);

/** An assistant that answers each question with itself. */
async function echo(calls: number): Promise<string> {
  const model = `m-${randomUUID()}`;
  const reply = dynamic((request) => text(`You said: ${lastText(request)}`));
  env.model.script(model, ...Array.from({ length: calls }, () => reply));
  return (await env.client.beta.assistants.create({ model })).id;
}

test('runs each line of a file, and its results are in the order of the lines', async () => {
  const assistant = await echo(5);
  const texts = ['one', 'two', 'three', 'four', 'five'];
  const created = await submit(env.client, questions(assistant, texts), { window: 2 });
  expect(created).toMatchObject({
    object: 'batch',
    endpoint: '/v1/threads/runs',
    status: 'validating',
    completion_window: '24h',
    errors: null,
    output_file_id: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
  });
  const batch = await untilStatus(env.client, created.id, 'completed');
  expect(batch).toMatchObject({
    error_file_id: null,
    request_counts: { total: 5, completed: 5, failed: 0 },
    expires_at: created.created_at + 86_400,
  });
  const lines = await resultsOf(env.client, batch.output_file_id);
  expect(lines.map(({ custom_id }) => custom_id)).toEqual(['q0', 'q1', 'q2', 'q3', 'q4']);
  expect(lines.map(answerOf)).toEqual(texts.map((one) => `You said: "${one}"`));
  for (const line of lines) {
    expect(line).toMatchObject({ response: { status_code: 200 }, error: null });
    const { id, thread_id, status } = runOf(line);
    expect(status).toBe('completed');
    const run = await env.client.beta.threads.runs.retrieve(id, { thread_id });
    expect(run).toMatchObject({ id, assistant_id: assistant, status: 'completed' });
  }
  const file = await env.client.files.retrieve(batch.output_file_id!);
  expect(file).toMatchObject({ purpose: 'batch_output', filename: `${batch.id}_output.jsonl` });
});

test('a line that cannot run is in the error file, with the answer that its request would have had', async () => {
  const assistant = await echo(2);
  const [first, gone, failing, last] = questions(assistant, ['one', 'two', 'three', 'four']);
  const { id } = await env.client.beta.threads.create();
  await env.client.beta.threads.delete(id);
  const url = `/v1/threads/${id}/runs`;
  const model = `m-${randomUUID()}`;
  env.model.script(model, status(400, { body: { error: { message: 'No.', code: null } } }));
  const lines = [
    first!,
    { ...gone!, url, body: { assistant_id: assistant } },
    { ...failing!, body: { ...failing!.body, model } },
    last!,
  ];
  const { id: batchId } = await submit(env.client, lines);
  const batch = await untilStatus(env.client, batchId, 'completed');
  expect(batch.request_counts).toEqual({ total: 4, completed: 2, failed: 2 });
  const errors = await resultsOf(env.client, batch.error_file_id);
  expect(errors).toMatchObject([
    {
      custom_id: 'q1',
      response: {
        status_code: 404,
        body: { error: { message: `No thread found with id '${id}'.` } },
      },
      error: null,
    },
    {
      custom_id: 'q2',
      response: { status_code: 400, body: { object: 'thread.run', status: 'failed' } },
      error: { code: 'invalid_prompt' },
    },
  ]);
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(({ custom_id }) => custom_id)).toEqual(['q0', 'q3']);
});

test('lines on one thread run one after the other, in their order', async () => {
  const assistant = await echo(3);
  const { id } = await env.client.beta.threads.create();
  const lines = ['one', 'two', 'three'].map((content, index) => ({
    custom_id: `t${index}`,
    method: 'POST',
    url: `/v1/threads/${id}/runs`,
    body: { assistant_id: assistant, additional_messages: [{ role: 'user', content }] },
  }));
  const { id: batchId } = await submit(env.client, lines);
  const batch = await untilStatus(env.client, batchId, 'completed');
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(['one', 'two', 'three'].map((one) => `You said: "${one}"`));
  const { data } = await env.client.beta.threads.messages.list(id, { order: 'asc' });
  expect(data.map(({ role }) => role)).toEqual(Array(3).fill(['user', 'assistant']).flat());
});

describe('a line that calls a function', () => {
  const LINES = 3;

  async function calling(): Promise<string> {
    const model = `m-${randomUUID()}`;
    const reply = dynamic(({ messages }) =>
      messages.at(-1)!.role === 'tool' ? text('Thanks.') : callLookup(),
    );
    env.model.script(model, ...Array.from({ length: 2 * LINES }, () => reply));
    return (await env.client.beta.assistants.create({ model, tools: [LOOKUP] })).id;
  }

  const waitingIn = async (batchId: string) => {
    const response = await env.fetch(`/v1/batches/${batchId}/requires_action`);
    return ((await response.json()) as { data: OpenAI.Beta.Threads.Run[] }).data;
  };

  test('waits for its outputs without a place of the window, and goes on', async () => {
    const lines = questions(await calling(), ['a', 'b', 'c']);
    const { id } = await submit(env.client, lines, { window: 1 });
    const waiting = await eventually(async () => {
      const runs = await waitingIn(id);
      expect(runs).toHaveLength(LINES);
      return runs;
    });
    for (const run of waiting) {
      await env.client.beta.threads.runs.submitToolOutputs(run.id, {
        thread_id: run.thread_id,
        tool_outputs: outputsFor(run),
      });
    }
    const batch = await untilStatus(env.client, id, 'completed');
    const output = await resultsOf(env.client, batch.output_file_id);
    expect(output.map(answerOf)).toEqual(Array(LINES).fill('Thanks.'));
    expect(batch.usage!.total_tokens).toBe(
      output.reduce((sum, line) => sum + runOf(line).usage!.total_tokens, 0),
    );
  });

  test('fails at once when its batch says so', async () => {
    const lines = questions(await calling(), ['a', 'b', 'c']);
    const { id } = await submit(env.client, lines, { on_requires_action: 'fail' });
    const batch = await untilStatus(env.client, id, 'completed');
    expect(batch.request_counts).toEqual({ total: 3, completed: 0, failed: 3 });
    expect(batch.output_file_id).toBeNull();
    const errors = await resultsOf(env.client, batch.error_file_id);
    expect(errors.map(({ error }) => error?.code)).toEqual(Array(LINES).fill('server_error'));
    for (const line of errors) {
      const handle = env.temporal.workflow.getHandle(runOf(line).id);
      await eventually(async () =>
        expect((await handle.describe()).status.name).not.toBe('RUNNING'),
      );
    }
  });
});
