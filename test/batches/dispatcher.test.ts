/** What the dispatcher of a batch relies on in PostgreSQL, without a worker: one claim, one end, and no resume that is lost. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { findBatch } from '../../db/batches/batches.ts';
import { storeLines } from '../../db/batches/check-lines.ts';
import { holdLine } from '../../db/batches/hold-turns.ts';
import { listReadyLines, startLine } from '../../db/batches/start-line.ts';
import {
  beginFinalizing,
  changeBatch,
  endBatch,
  startBatch,
} from '../../db/batches/transitions.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { inProject, inWholeDatabase } from '../../db/core/row-scope.ts';
import { threadAndRunBody } from '../../db/runs/new-run.ts';
import type { BatchId } from '../../wire/ids.ts';
import { parseBody } from '../../wire/requests/body.ts';
import type { BatchRow } from '../../wire/rows.ts';
import { Environment } from '../support/environment.ts';
import { untilBlocked } from '../support/locks.ts';
import { questions, submit } from './support.ts';

const LIMITS = { longestRunSeconds: 600, runsAtOnce: 0 };

let env: Environment;
let assistant: string;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  assistant = (await env.client.beta.assistants.create({ model: 'm' })).id;
});
afterAll(() => env[Symbol.asyncDispose]());

/** A batch in progress whose lines are stored. */
async function batchOf(count: number): Promise<BatchRow> {
  const lines = questions(assistant, Array(count).fill('Yes?'));
  const { id } = await submit(env.client, lines, { window: count });
  const place = { chunk: 0, offset: 0 };
  const stored = lines.map(({ custom_id: customId, url }, n) => ({
    line: n + 1,
    customId,
    url,
    place,
    bytes: 1,
    threadId: null,
    contentHash: Buffer.alloc(32),
  }));
  const to = { place: { chunk: 0, offset: 1 }, lines: count, total: count, errors: [] };
  return inWholeDatabase(async () => {
    const batch = (await findBatch(env.pool, id as BatchId))!;
    await inProject(batch.project_id, async () => {
      await storeLines(env.pool, batch, stored, { from: place, to });
      await startBatch(env.pool, batch.id);
    });
    return (await findBatch(env.pool, batch.id))!;
  });
}

const request = () => ({
  threadId: null,
  body: parseBody(threadAndRunBody, questions(assistant, ['Yes?'])[0]!.body),
});

const start = (batch: BatchRow, line: number) =>
  inProject(batch.project_id, () =>
    startLine(env.pool, [batch.id, { line, url: '/v1/threads/runs' }], request(), LIMITS),
  );

async function runsOf({ id }: BatchRow): Promise<number> {
  const { rows } = await env.pool.query('select from runs where batch_id = $1', [id]);
  return rows.length;
}

test('a line is started once, however many steps want it, at once or one after the other', async () => {
  const batch = await batchOf(2);
  await Promise.all([start(batch, 1), start(batch, 1), start(batch, 1)]);
  await start(batch, 1);
  expect(await runsOf(batch)).toBe(1);
  const ready = await inProject(batch.project_id, () => listReadyLines(env.pool, batch.id, 10));
  expect(ready.map(({ line }) => line)).toEqual([2]);
});

test('a batch that is paused or has expired starts no line', async () => {
  const batch = await batchOf(2);
  await env.pool.query('update batches set paused = true where id = $1', [batch.id]);
  expect(await start(batch, 1)).toEqual([]);
  await env.pool.query('update batches set paused = false, expires_at = 1 where id = $1', [
    batch.id,
  ]);
  expect(await start(batch, 1)).toEqual([]);
  expect(await runsOf(batch)).toBe(0);
});

test('a batch ends once', async () => {
  const batch = await batchOf(1);
  const results = { outputFileId: null, errorFileId: null, completed: 1, failed: 0 };
  const end = () =>
    inProject(batch.project_id, () =>
      withTransaction(env.pool, (tx) => endBatch(tx, batch, results)),
    );
  expect(await end()).toBeUndefined();
  await inProject(batch.project_id, () => beginFinalizing(env.pool, batch.id, null));
  expect(await end()).toMatchObject({ status: 'completed' });
  expect(await end()).toBeUndefined();
});

test('a turn that asks while its batch is being resumed is not held for ever', async () => {
  const batch = await batchOf(1);
  await start(batch, 1);
  await env.pool.query('update batches set paused = true where id = $1', [batch.id]);
  const hold = () =>
    inProject(batch.project_id, () => holdLine(env.pool, { batchId: batch.id, line: 1 }, 'm'));
  expect(await hold()).toMatchObject({ held: true });
  const asked = await inProject(batch.project_id, () =>
    withTransaction(env.pool, async (tx) => {
      await changeBatch(tx, batch.project_id, batch.id, { paused: false });
      const asking = hold();
      // It looks at the batch once the resume has committed.
      await Promise.race([asking, untilBlocked(env, 'with paused as', 1)]);
      return { asking };
    }),
  );
  expect(await asked.asking).toMatchObject({ held: false });
  const { rows } = await env.pool.query(`select from deliveries where kind = 'resume'`);
  expect(rows).toHaveLength(1);
});
