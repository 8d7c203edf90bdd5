/** How long a pool with bounds waits for the database. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Pool } from '../../db/core/pool.ts';
import { createPool, isBusy, isUnavailable, query, withTransaction } from '../../db/core/pool.ts';
import { eventually } from '../support/durable-run.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
let proxy: TcpProxy;
let pool: Pool;
beforeAll(async () => {
  database = await startDatabase();
  const { hostname: host, port } = new URL(database.url);
  proxy = await TcpProxy.start({ host, port: Number(port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  pool = createPool(url.href, {
    max: 2,
    applicationName: 'threadmill-test-bounds',
    bounds: { lockMs: 200, statementMs: 600, longMs: 1_200 },
  });
});
afterAll(async () => {
  await pool.end();
  await proxy[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
const sleepFor = (db: Pick<Pool, 'query'>, seconds: number) =>
  query(db, `test.sleep-${seconds}`, `select pg_sleep(${seconds})`);

test('a statement is given up after its time, and the database stops it', async () => {
  expect(isBusy(await failure(sleepFor(pool, 100)))).toBe(true);
  const running = () =>
    database.pool.query(
      `select from pg_stat_activity where query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()`,
    );
  await eventually(async () => expect((await running()).rowCount).toBe(0));
  await sleepFor(pool, 0);
});

test('so is one of a transaction, which may take longer', async () => {
  await withTransaction(pool, (tx) => sleepFor(tx, 0.7));
  expect(isBusy(await failure(withTransaction(pool, (tx) => sleepFor(tx, 100))))).toBe(true);
});

test('a lock is waited for shorter than a statement may take', async () => {
  const holder = await database.pool.connect();
  await holder.query('begin; lock table threads');
  const started = performance.now();
  const blocked = withTransaction(pool, (tx) =>
    query(tx, 'test.lock', 'lock table threads in access share mode'),
  );
  expect(isBusy(await failure(blocked))).toBe(true);
  expect(performance.now() - started).toBeLessThan(10_000);
  await holder.query('rollback');
  holder.release();
});

test('a server that has fallen silent is not waited for', async () => {
  await sleepFor(pool, 0);
  proxy.hold('replies');
  const error = await failure(Promise.all([sleepFor(pool, 0), sleepFor(pool, 0)]));
  expect(isUnavailable(error)).toBe(true);
  proxy.resume();
  await Promise.all([sleepFor(pool, 0), sleepFor(pool, 0)]);
});

test('without bounds nothing is given up: a migration may take as long as it must', async () => {
  await withTransaction(database.pool, async (tx) => {
    const { rows } = await tx.query(
      `select current_setting('lock_timeout') || current_setting('statement_timeout') as bounds`,
    );
    expect(rows).toEqual([{ bounds: '00' }]);
  });
});
