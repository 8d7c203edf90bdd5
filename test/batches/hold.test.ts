/** A pause of a batch also holds the further turns of its lines, and a resume finds each of them where it was. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { inWholeDatabase } from '../../db/core/row-scope.ts';
import { listSuspectRuns } from '../../db/maintenance.ts';
import { callLookup, eventually, LOOKUP } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import type { Reply } from '../support/fake-model.ts';
import { text } from '../support/fake-model.ts';
import { FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import { outputsFor } from '../support/runs.ts';
import { answerOf, questions, resultsOf, submit, untilStatus } from './support.ts';

let env: Environment;
let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await FakeUpstream.start();
  const models = [{ id: 'passed', base_url: upstream.baseUrl }];
  env = await Environment.start({ config: { models: models as never } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function change(id: string, settings: object): Promise<void> {
  const body = JSON.stringify({ 'x-threadmill': settings });
  expect((await env.fetch(`/v1/batches/${id}`, { method: 'POST', body })).status).toBe(200);
}

const untilHeld = (id: string, held: number) =>
  eventually(async () => {
    const { rows } = await env.pool.query(
      'select from batch_lines where batch_id = $1 and held and state = $2',
      [id, 'running'],
    );
    expect(rows).toHaveLength(held);
  });

/** Lines that wait for a function, whose outputs are given after the batch was paused. */
async function pausedBetweenTurns(count: number) {
  const model = `m-${randomUUID()}`;
  const calls = Array.from({ length: count }, callLookup);
  env.model.script(model, ...calls, ...calls.map((): Reply => text('Done.')));
  const { id: assistant } = await env.client.beta.assistants.create({ model, tools: [LOOKUP] });
  const texts = Array.from({ length: count }, (_, n) => `Question ${n}`);
  const { id } = await submit(env.client, questions(assistant, texts));
  const waiting = await eventually(async () => {
    const response = await env.fetch(`/v1/batches/${id}/requires_action?limit=100`);
    const { data } = (await response.json()) as { data: Parameters<typeof outputsFor>[0][] };
    expect(data).toHaveLength(count);
    return data;
  });
  await change(id, { paused: true });
  for (const run of waiting) {
    const outputs = { thread_id: run.thread_id, tool_outputs: outputsFor(run) };
    await env.client.beta.threads.runs.submitToolOutputs(run.id, outputs);
  }
  await untilHeld(id, count);
  return { id, model, runs: waiting.map((run) => run.id) };
}

test('a run in flight asks its model no more while its batch is paused, and goes on at its place', async () => {
  const { id, model, runs } = await pausedBetweenTurns(3);
  const handle = env.temporal.workflow.getHandle(runs[0]!);
  // It waits in its workflow: no slot and no task.
  await eventually(async () => {
    const { raw } = await handle.describe();
    expect(raw.pendingActivities ?? []).toEqual([]);
    const { events } = await handle.fetchHistory();
    expect(events!.at(-1)!.timerStartedEventAttributes).toBeTruthy();
  });
  expect(env.model.requests(model)).toHaveLength(3);
  // However long the pause is, the reconciler does not ask about them.
  const hourAgo = `update runs set updated_at = clock_timestamp() - interval '1 hour' where id = any($1)`;
  await env.pool.query(hourAgo, [runs]);
  expect(await inWholeDatabase(() => listSuspectRuns(env.pool, 30, 100))).toEqual([]);
  await change(id, { paused: false });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(['Done.', 'Done.', 'Done.']);
  expect(env.model.requests(model)).toHaveLength(6);
  await untilHeld(id, 0);
}, 200_000);

test('a run that is held is held again by a second pause, and loses no resume', async () => {
  const { id, model } = await pausedBetweenTurns(2);
  await change(id, { paused: false, window: 5 });
  await change(id, { paused: true });
  await change(id, { paused: false });
  await untilStatus(env.client, id, 'completed');
  expect(env.model.requests(model)).toHaveLength(4);
});

test('a cancel ends runs that are held', async () => {
  const { id, model } = await pausedBetweenTurns(2);
  await env.client.batches.cancel(id);
  const batch = await untilStatus(env.client, id, 'cancelled');
  const errors = await resultsOf(env.client, batch.error_file_id);
  expect(errors.map(({ error }) => error?.code)).toEqual(['batch_cancelled', 'batch_cancelled']);
  expect(env.model.requests(model)).toHaveLength(2);
});

test('a line without a run is held as well', async () => {
  const asked = Promise.withResolvers<void>();
  let answers = 0;
  upstream.answer = (_received, response) => {
    answers += 1;
    if (answers > 1) return sendJson(response, { echo: 'yes' });
    asked.resolve();
    return sendJson(response, {}, 500, { 'retry-after': '2' });
  };
  const url = '/v1/embeddings';
  const line = { custom_id: 'a', method: 'POST', url, body: { model: 'passed', input: 'x' } };
  const { id } = await submit(env.client, [line], {}, url);
  await asked.promise;
  await change(id, { paused: true });
  await untilHeld(id, 1);
  expect(answers).toBe(1);
  await change(id, { paused: false });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
  expect(answers).toBe(2);
});
