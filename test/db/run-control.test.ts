/** The fast path of a cancel, without Temporal. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { Listener } from '../../db/core/listener.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { RunCancelledError, RunControl } from '../../db/events/run-control.ts';
import { cancelRun } from '../../db/runs/cancel-run.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
let listener: Listener;
beforeAll(async () => {
  database = await startDatabase();
  listener = new Listener(database.url, 'test-listener');
});
afterAll(async () => {
  await listener[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

test('a cancel reaches whoever works on the run as soon as it is committed, and nobody else', async () => {
  using control = new RunControl(listener);
  await listener.start();
  const [{ run }, { run: other }] = [await database.queueRun(), await database.queueRun()];
  const seen = await control.watch(other.id, (untouched) =>
    control.watch(run.id, async (signal) => {
      await withTransaction(database.pool, (tx) =>
        cancelRun(tx, { projectId: database.projectId, threadId: run.thread_id, runId: run.id }),
      );
      await vi.waitFor(() => expect(signal.aborted).toBe(true), { timeout: 20_000 });
      expect(untouched.aborted).toBe(false);
      return signal.reason as unknown;
    }),
  );
  expect(seen).toBeInstanceOf(RunCancelledError);
});
