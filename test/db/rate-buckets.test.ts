/** Buckets of requests, when two processes take from one at the same moment. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { withTransaction } from '../../db/core/pool.ts';
import { takeRequests } from '../../db/projects/rate-buckets.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

test('a new bucket that another process empties first refuses the request', async () => {
  const { pool, admin, projectId: project } = database;
  const bucket = { project, owner: project, perMinute: 1 };
  const second = await withTransaction(pool, async (tx) => {
    expect(await takeRequests(tx, bucket, 1)).toMatchObject({ taken: true });
    const taken = takeRequests(pool, bucket, 1);
    await vi.waitUntil(async () => {
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await admin.query(waiting)).rowCount === 1;
    });
    return { taken };
  });
  expect(await second.taken).toEqual({ taken: false, fullInMs: 60_000 });
});
