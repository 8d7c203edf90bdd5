/** SIGKILL of a worker at every step of a batch. Whatever it had stored, the next one goes on: no line is lost, none runs twice. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { answerOf, questions, resultsOf, submit, untilStatus } from '../batches/support.ts';
import { eventually } from '../support/durable-run.ts';
import { dynamic, hold, text } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';

let env: ProcessEnvironment;
let worker: OwnProcess;
beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  worker = await env.startWorker();
});
afterAll(() => env[Symbol.asyncDispose]());

const LINES = 6;
/** Two batches, and a worker that starts between them. */
const PATIENCE = { timeout: 180_000 };

/** `size`: characters of each question, which its answer repeats. */
async function lines(count: number, replies?: Reply[], size = 0) {
  const model = `m-${randomUUID()}`;
  const answer = dynamic(({ messages }) => text(JSON.stringify(messages.at(-1)!.content)));
  env.model.script(model, ...(replies ?? Array.from({ length: 2 * count }, () => answer)));
  const { id } = await env.client.beta.assistants.create({ model });
  const texts = Array.from({ length: count }, (_, n) => `Question ${n}`.padEnd(size, '.'));
  return { model, texts, input: questions(id, texts) };
}

const runsOf = async (id: string) =>
  (await env.pool.query('select status from runs where batch_id = $1', [id])).rows;

test.each([
  ['before a line of the file is stored', 'batch-lines.create'],
  ['when the file was read', 'batches.start.in_progress'],
  ['while a line becomes a run', 'batch-lines.start'],
  ['when the last line has ended', 'batches.finalize.finalizing'],
  ['while the output file is written', 'batch-lines.results'],
  ['while the output file is stored', 'blobs.write-whole'],
  ['while a part of a large output file is stored', 'blobs.append', 250_000],
  ['while the batch is ended', 'batches.end.completed'],
])('goes on after a worker was killed %s', async (_moment, statement, size = 0) => {
  const proxy = env.proxies.workerToDatabase;
  const { model, texts, input } = await lines(LINES, undefined, size);
  const reached = proxy.holdRepliesAfter(statement);
  const { id } = await submit(env.client, input, { window: 2 });
  await reached;
  await worker.kill();
  proxy.resume();
  worker = await env.startWorker();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: LINES, completed: LINES, failed: 0 });
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(texts.map((one) => JSON.stringify(one)));
  expect(await runsOf(id)).toEqual(texts.map(() => ({ status: 'completed' })));
  // Turns that the worker took with it are asked for again.
  const asked = env.model.requests(model);
  expect(asked.length).toBeLessThanOrEqual(LINES + 2);
  const files = await env.pool.query(`select 1 from files where filename like $1 || '%'`, [id]);
  expect(files.rows).toHaveLength(1);
});

test.each([
  ['while results are taken over', 'batch-lines.take-over'],
  ['while results are copied', 'blobs.read-part'],
])('a batch that resumes another goes on after a kill %s', PATIENCE, async (_, statement) => {
  const proxy = env.proxies.workerToDatabase;
  const { model, input } = await lines(LINES);
  const first = await submit(env.client, input);
  const { output_file_id: former } = await untilStatus(env.client, first.id, 'completed');
  const reached = proxy.holdRepliesAfter(statement);
  const { id } = await submit(env.client, input, { resume_from: first.id });
  await reached;
  await worker.kill();
  proxy.resume();
  worker = await env.startWorker();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch).toMatchObject({
    request_counts: { total: LINES, completed: LINES, failed: 0 },
    'x-threadmill': { resumed: LINES },
  });
  const results = await resultsOf(env.client, batch.output_file_id);
  expect(results).toEqual(await resultsOf(env.client, former));
  expect(await runsOf(id)).toEqual([]);
  expect(env.model.requests(model)).toHaveLength(LINES);
});

const SPENT = { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60 };

test.each([
  ['while a turn stores what it spent', 'turns.record'],
  ['when the last paid line has ended', 'batch-lines.follow-run'],
  ['while the unpaid lines end', 'batch-lines.end-unpaid'],
])('a budget is kept, and no line lost, when a worker is killed %s', async (_moment, statement) => {
  const proxy = env.proxies.workerToDatabase;
  const replies = Array.from({ length: 4 }, () => text('Yes.', { usage: SPENT }));
  const { model, input } = await lines(LINES, replies);
  const reached = proxy.holdRepliesAfter(statement);
  const budget = { tokens: 120, on_exceeded: 'end' };
  const { id } = await submit(env.client, input, { window: 1, budget });
  await reached;
  await worker.kill();
  proxy.resume();
  worker = await env.startWorker();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: LINES, completed: 2, failed: 4 });
  expect(batch.usage!.total_tokens).toBe(120);
  expect(await runsOf(id)).toEqual([{ status: 'completed' }, { status: 'completed' }]);
  expect(await resultsOf(env.client, batch.error_file_id)).toMatchObject(
    Array.from({ length: 4 }, () => ({ error: { code: 'budget_exceeded' } })),
  );
  // The turn that the worker took with it is asked for again.
  expect(env.model.requests(model).length).toBeLessThanOrEqual(3);
});

test('reads a file on behind what was stored', async () => {
  const count = 10_000;
  const { input } = await lines(count, []);
  const { id } = await submit(env.client, input, { paused: true });
  await eventually(async () => {
    const { rows } = await env.pool.query('select 1 from batches where id = $1 and total > 0', [
      id,
    ]);
    expect(rows).toHaveLength(1);
  });
  await worker.kill();
  worker = await env.startWorker();
  const batch = await untilStatus(env.client, id, 'in_progress');
  expect(batch.request_counts!.total).toBe(count);
  const { rows } = await env.pool.query(
    'select count(*)::integer as lines, max(line) as last from batch_lines where batch_id = $1',
    [id],
  );
  expect(rows).toEqual([{ lines: count, last: count }]);
  await env.client.batches.cancel(id);
  await untilStatus(env.client, id, 'cancelled');
});

test('a batch whose workflow was terminated goes on', async () => {
  const held = hold(text('Yes.'), { afterChunks: 0 });
  const { model, input } = await lines(3, [held.reply, text('Yes.'), text('Yes.')]);
  const { id } = await submit(env.client, input, { window: 1 });
  await held.reached;
  await env.temporal.workflow.getHandle(id).terminate('by an operator');
  await env.pool.query(
    `update batches set updated_at = clock_timestamp() - interval '1 minute' where id = $1`,
    [id],
  );
  held.release();
  await untilStatus(env.client, id, 'completed');
  expect(env.model.requests(model)).toHaveLength(3);
});
