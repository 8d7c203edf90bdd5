/** A lease outlives its ten seconds while its cell runs, and a cell does not outlive its lease. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { EXTEND_MS, takeLease } from '../../db/interpreters/interpreter-lease.ts';
import { FencedError } from '../../db/events/run-events.ts';
import { holdLease } from '../../activities/hold-lease.ts';
import type { Database } from '../db/database.ts';
import { startDatabase } from '../db/database.ts';
import { callTools } from '../support/turns.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** A few extensions' time, on a busy computer. */
const PATIENCE = { timeout: 10 * EXTEND_MS, interval: 100 };

async function leased() {
  const { run } = await database.queueRun();
  const ref = { runId: run.id, turn: 0, owner: 'model' };
  const { calls } = await callTools(database.pool, ref, 'code_interpreter');
  const take = (owner: string) => takeLease(database.pool, run.id, calls[0]!, owner);
  return { lease: (await take('first'))!, take, threadId: run.thread_id };
}

async function leaseUntil(threadId: string): Promise<number> {
  const { rows } = await database.pool.query<{ until: Date }>(
    'select lease_until as until from interpreters where thread_id = $1',
    [threadId],
  );
  return rows[0]!.until.getTime();
}

test('a lease is extended for as long as its cell runs', async () => {
  const { lease, threadId } = await leased();
  const first = await leaseUntil(threadId);
  const held = holdLease(database.pool, lease, new AbortController().signal);
  const extended = () =>
    vi.waitFor(async () => expect(await leaseUntil(threadId)).toBeGreaterThan(first), PATIENCE);
  await extended();
  expect(held.signal.aborted).toBe(false);
  await held.release();
});

test('a cell is stopped once another attempt has taken its lease', async () => {
  const { lease, take } = await leased();
  const held = holdLease(database.pool, lease, new AbortController().signal);
  const past = `update interpreters set lease_until = clock_timestamp() - interval '1 ms' where thread_id = $1`;
  await database.pool.query(past, [lease.threadId]);
  expect(await take('second')).toMatchObject({ owner: 'second', epoch: 2 });
  await vi.waitFor(() => expect(held.signal.aborted).toBe(true), PATIENCE);
  expect(held.signal.reason).toBeInstanceOf(FencedError);
  await held.release();
  expect(await take('third')).toBeUndefined();
});
