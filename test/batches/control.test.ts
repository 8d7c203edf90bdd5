/** What changes a batch while it is under way: a pause, a window, a cancel, the end of its time, and deletions. */
import { randomUUID } from 'node:crypto';

import type { Batch } from 'openai/resources/batches';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { answerOf, questions, resultsOf, runOf, submit, untilStatus } from './support.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

/** Questions to an assistant whose model gives these replies. */
async function lines(count: number, replies: Reply[]) {
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...replies);
  const { id } = await env.client.beta.assistants.create({ model });
  const texts = Array.from({ length: count }, (_, index) => `Question ${index}`);
  return { model, lines: questions(id, texts) };
}

async function change(id: string, settings: object): Promise<Batch> {
  const body = JSON.stringify({ 'x-threadmill': settings });
  const response = await env.fetch(`/v1/batches/${id}`, { method: 'POST', body });
  expect(response.status).toBe(200);
  return (await response.json()) as Batch;
}

async function statesOf(id: string): Promise<Record<string, number>> {
  const { rows } = await env.pool.query<{ state: string; count: number }>(
    'select state, count(*)::integer as count from batch_lines where batch_id = $1 group by state',
    [id],
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

const untilStates = (id: string, states: Record<string, number>) =>
  eventually(async () => expect(await statesOf(id)).toEqual(states));

const codesOf = async (batch: Batch) =>
  (await resultsOf(env.client, batch.error_file_id)).map(({ custom_id, error }) => [
    custom_id,
    error?.code,
  ]);

test('no line starts once a pause is answered, and those that run go on', async () => {
  const first = hold(text('Yes.'), { afterChunks: 0 });
  const rest = Array.from({ length: 3 }, () => text('Yes.'));
  const { model, lines: input } = await lines(4, [first.reply, ...rest]);
  const { id } = await submit(env.client, input, { window: 1 });
  await first.reached;
  expect(await statesOf(id)).toEqual({ running: 1, pending: 3 });
  expect(await change(id, { paused: true })).toMatchObject({
    status: 'in_progress',
    'x-threadmill': { paused: true, pause_reason: 'requested', window: 1 },
  });
  first.release();
  await untilStates(id, { completed: 1, pending: 3 });
  // The batch has looked again since, and has started nothing.
  await env.temporal.workflow.getHandle(id).signal('wake');
  await eventually(async () => {
    const { events } = await env.temporal.workflow.getHandle(id).fetchHistory();
    expect(events!.at(-1)!.timerStartedEventAttributes).toBeTruthy();
  });
  expect(await statesOf(id)).toEqual({ completed: 1, pending: 3 });
  expect(env.model.requests(model)).toHaveLength(1);
  const resumed = await change(id, { paused: false, window: 3 });
  expect(resumed).toMatchObject({ 'x-threadmill': { paused: false, pause_reason: null } });
  await untilStatus(env.client, id, 'completed');
  expect(env.model.requests(model)).toHaveLength(4);
});

test('signals of the Temporal UI do what the API does, and the details show the lines', async () => {
  const { lines: input } = await lines(2, [text('Yes.'), text('Yes.')]);
  const { id } = await submit(env.client, input, { paused: true });
  await untilStatus(env.client, id, 'in_progress');
  const handle = env.temporal.workflow.getHandle(id);
  await handle.signal('setWindow', 7);
  await handle.signal('setPriority', 9);
  await handle.signal('setPriority', 2);
  await eventually(async () =>
    expect(await env.client.batches.retrieve(id)).toMatchObject({
      'x-threadmill': { window: 7, priority: 2, paused: true },
    }),
  );
  await eventually(async () => {
    const { currentDetails } = await handle.query<{ currentDetails: string }, []>(
      '__temporal_workflow_metadata',
    );
    expect(currentDetails).toBe('Paused (requested). Lines: 2 pending.');
  });
  await handle.signal('resume');
  await untilStatus(env.client, id, 'completed');
});

test.each([
  ['of the API', (id: string) => env.client.batches.cancel(id)],
  ['of its workflow', (id: string) => env.temporal.workflow.getHandle(id).cancel()],
])(
  'a cancel %s ends the lines that run and keeps the results that are there',
  async (_, cancel) => {
    const held = hold(text('Never.'), { afterChunks: 1 });
    const { model, lines: input } = await lines(3, [text('Done.'), held.reply]);
    const { id } = await submit(env.client, input, { window: 1 });
    await held.reached;
    await cancel(id);
    const batch = await untilStatus(env.client, id, 'cancelled');
    held.release();
    expect(batch.request_counts).toEqual({ total: 3, completed: 1, failed: 0 });
    expect(batch.cancelled_at).toBeGreaterThanOrEqual(batch.cancelling_at!);
    const output = await resultsOf(env.client, batch.output_file_id);
    expect(output.map(answerOf)).toEqual(['Done.']);
    expect(await codesOf(batch)).toEqual([
      ['q1', 'batch_cancelled'],
      ['q2', 'batch_cancelled'],
    ]);
    expect(env.model.requests(model)).toHaveLength(2);
    const { rows } = await env.pool.query(
      'select status from runs where batch_id = $1 order by id',
      [id],
    );
    expect(rows).toEqual([{ status: 'completed' }, { status: 'cancelled' }]);
    await expect(env.client.batches.cancel(id)).rejects.toMatchObject({ status: 400 });
  },
);

test('what has not ended in time is reported as expired', async () => {
  const held = hold(text('Never.'), { afterChunks: 1 });
  const { lines: input } = await lines(3, [text('Done.'), held.reply]);
  const { id } = await submit(env.client, input, { window: 1 });
  await held.reached;
  await env.pool.query('update batches set expires_at = unix_now() - 1 where id = $1', [id]);
  const batch = await untilStatus(env.client, id, 'expired');
  held.release();
  expect(batch.expired_at).toBeGreaterThanOrEqual(batch.finalizing_at!);
  expect(batch.request_counts).toEqual({ total: 3, completed: 1, failed: 0 });
  expect(await codesOf(batch)).toEqual([
    ['q1', 'batch_expired'],
    ['q2', 'batch_expired'],
  ]);
});

test('a batch goes on when its input file, and a thread of it, are deleted', async () => {
  const held = hold(text('Never.'), { afterChunks: 1 });
  const { lines: input } = await lines(2, [held.reply, text('Done.')]);
  const { id, input_file_id } = await submit(env.client, input, { window: 1 });
  await env.client.files.delete(input_file_id);
  await held.reached;
  const { rows } = await env.pool.query<{ thread_id: string }>(
    'select thread_id from runs where batch_id = $1',
    [id],
  );
  await env.client.beta.threads.delete(rows[0]!.thread_id);
  held.release();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(await codesOf(batch)).toEqual([['q0', 'run_deleted']]);
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(['Done.']);
  const blobs = await env.pool.query('select input_blob_id from batches where id = $1', [id]);
  expect(blobs.rows).toEqual([{ input_blob_id: null }]);
});

test('batches of two projects run side by side, and neither project sees the other', async () => {
  const other = await env.otherClient();
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...Array.from({ length: 6 }, () => text('Yes.')));
  const made = [];
  for (const client of [env.client, other]) {
    const { id: assistant } = await client.beta.assistants.create({ model });
    made.push({ client, ...(await submit(client, questions(assistant, ['a', 'b', 'c']))) });
  }
  const [mine, theirs] = await Promise.all(
    made.map(({ client, id }) => untilStatus(client, id, 'completed')),
  );
  expect((await other.batches.list()).data.map(({ id }) => id)).toEqual([theirs!.id]);
  expect((await env.client.batches.list()).data.map(({ id }) => id)).toContain(mine!.id);
  await expect(other.batches.retrieve(mine!.id)).rejects.toMatchObject({ status: 404 });
  await expect(other.batches.cancel(mine!.id)).rejects.toMatchObject({ status: 404 });
  await expect(other.files.content(mine!.output_file_id!)).rejects.toMatchObject({ status: 404 });
  const [line] = await resultsOf(other, theirs!.output_file_id);
  expect(runOf(line!).status).toBe('completed');
});

test('a line whose run was cancelled by itself counts as failed', async () => {
  const held = hold(text('Never.'), { afterChunks: 1 });
  const { lines: input } = await lines(2, [held.reply, text('Done.')]);
  const { id } = await submit(env.client, input, { window: 1 });
  await held.reached;
  const { rows } = await env.pool.query<{ id: string; thread_id: string }>(
    'select id, thread_id from runs where batch_id = $1',
    [id],
  );
  await env.client.beta.threads.runs.cancel(rows[0]!.id, { thread_id: rows[0]!.thread_id });
  held.release();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(await codesOf(batch)).toEqual([['q0', 'run_cancelled']]);
  expect(batch.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });
});
