/** What every transaction is given, and the locks that keep a thread's promises. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { lockThread } from '../../db/threads/lock-thread.ts';
import type { Tx } from '../../db/core/pool.ts';
import { query, withTransaction } from '../../db/core/pool.ts';
import { untilBlocked } from '../support/locks.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

function settingInTransaction(name: string): Promise<string> {
  return withTransaction(database.pool, async (tx) => {
    const { rows } = await tx.query<{ value: string }>('select current_setting($1) as value', [
      name,
    ]);
    return rows[0]!.value;
  });
}

test('a client that vanishes inside a transaction keeps its locks for seconds, not for ever', async () => {
  expect(await settingInTransaction('idle_in_transaction_session_timeout')).toBe('10s');
});

test('a commit waits for the disk', async () => {
  expect(await settingInTransaction('synchronous_commit')).toBe('on');
});

test('transactions that lock each other out are run again', async () => {
  const [a, b] = [(await database.queueRun()).run.id, (await database.queueRun()).run.id];
  const touch = 'update runs set updated_at = clock_timestamp() where id = $1';
  const both = Promise.withResolvers<void>();
  let tries = 0;
  const inOrder = (first: string, second: string) =>
    withTransaction(database.pool, async (tx) => {
      await tx.query(touch, [first]);
      if (++tries === 2) both.resolve();
      await both.promise;
      await tx.query(touch, [second]);
      return 'committed';
    });
  const ends = Promise.all([inOrder(a, b), inOrder(b, a)]);
  await expect(ends).resolves.toEqual(['committed', 'committed']);
  expect(tries).toBeGreaterThan(2);
});

test('what failed a transaction is what its caller hears, whoever waits for the statement', async () => {
  const deep = async (tx: Tx, depth: number): Promise<unknown> =>
    depth === 0 ? query(tx, 'test.fails', 'select 1 / 0') : deep(tx, depth - 1);
  for (let round = 0; round < 50; round++) {
    const failing = withTransaction(database.pool, (tx) =>
      Promise.all([deep(tx, 5), query(tx, 'test.behind', 'select 1')]),
    );
    await expect(failing).rejects.toMatchObject({ code: '22012' });
  }
});

test('a thread that one request has locked is waited for by the next', async () => {
  const { run } = await database.queueRun();
  const locked = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const first = withTransaction(database.pool, async (tx) => {
    await lockThread(tx, database.projectId, run.thread_id);
    locked.resolve();
    await leave.promise;
  });
  await locked.promise;
  const second = withTransaction(database.pool, (tx) =>
    lockThread(tx, database.projectId, run.thread_id),
  ).then(() => 'went on');
  const blocked = untilBlocked(database, 'from threads where id = $1', 1).then(() => 'waits');
  expect(await Promise.race([second, blocked])).toBe('waits');
  leave.resolve();
  await first;
  expect(await second).toBe('went on');
});
