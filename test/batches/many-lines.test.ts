/** 300 lines with faults of the model server and functions: each has one run, and no turn is asked for twice without a fault. */
import { randomUUID } from 'node:crypto';

import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { callLookup, eventually, LOOKUP } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { dynamic, status, text } from '../support/fake-model.ts';
import { outputsFor } from '../support/runs.ts';
import { answerOf, questions, resultsOf, runOf, submit } from './support.ts';

const LINES = 300;
const isFaulty = (n: number) => n % 50 === 7;
const callsFunction = (n: number) => n % 20 === 3;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(() => env[Symbol.asyncDispose]());

/** Answers with the number of the question; some fail once before, some call a function. */
function script(model: string): void {
  const failed = new Set<number>();
  const reply = dynamic(({ messages }) => {
    const question = messages.find(({ role }) => role === 'user')!;
    const n = Number(/\d+/.exec(JSON.stringify(question.content)));
    if (isFaulty(n) && !failed.has(n)) {
      failed.add(n);
      return status(500);
    }
    if (callsFunction(n) && messages.at(-1)!.role !== 'tool') return callLookup();
    return text(`Answer ${n}`);
  });
  env.model.script(model, ...Array.from({ length: 2 * LINES }, () => reply));
}

/** Gives outputs to the runs that wait until the batch has ended. */
async function answerFunctions(batchId: string): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await env.client.batches.retrieve(batchId);
    if (batch.status === 'completed') return batch;
    const response = await env.fetch(`/v1/batches/${batchId}/requires_action`);
    const { data } = (await response.json()) as { data: OpenAI.Beta.Threads.Run[] };
    for (const run of data) {
      await env.client.beta.threads.runs.submitToolOutputs(run.id, {
        thread_id: run.thread_id,
        tool_outputs: outputsFor(run),
      });
    }
  }
}

test('each line runs once, and the history of the batch does not grow with the lines', async () => {
  const model = `m-${randomUUID()}`;
  script(model);
  const { id } = await env.client.beta.assistants.create({ model, tools: [LOOKUP] });
  const texts = Array.from({ length: LINES }, (_, n) => `Question ${n}`);
  const made = await submit(env.client, questions(id, texts), { window: 50 });
  const batch = await answerFunctions(made.id);
  expect(batch.request_counts).toEqual({ total: LINES, completed: LINES, failed: 0 });

  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(texts.map((_, n) => `Answer ${n}`));
  expect(new Set(output.map((line) => runOf(line).id)).size).toBe(LINES);
  const { rows } = await env.pool.query('select 1 from runs where batch_id = $1', [made.id]);
  expect(rows).toHaveLength(LINES);
  const numbers = texts.map((_, n) => n);
  const turns = LINES + numbers.filter(callsFunction).length + numbers.filter(isFaulty).length;
  expect(env.model.requests(model)).toHaveLength(turns);
  expect(env.model.overruns).toEqual([]);

  const { events } = await env.temporal.workflow.getHandle(made.id).fetchHistory();
  expect(events!.length).toBeLessThan(1.5 * LINES);
  for (const event of events!) expect(JSON.stringify(event).length).toBeLessThan(3_000);
  await eventually(async () => {
    const left = await env.pool.query('select kind from deliveries');
    expect(left.rows).toEqual([]);
  });
}, 180_000);
