/** What the reconciler looks at, and what it may throw away. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunId } from '../../wire/ids.ts';
import { listSuspectRuns, rotateEventPartitions, takePass } from '../../db/maintenance.ts';
import { answer } from '../support/turns.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

test('one process has a pass, once in its interval, whatever the clock did', async () => {
  const take = () => takePass(database.pool, 'repair', 60);
  const taken = await Promise.all([take(), take(), take()]);
  expect(taken.filter(Boolean)).toHaveLength(1);
  expect(await take()).toBe(false);
  await database.pool.query(`update passes set next_at = next_at + interval '1 day'`);
  expect(await take()).toBe(true);
});

/** A queued run that Temporal was told of. */
async function started(): Promise<RunId> {
  const { run, deliveries } = await database.queueRun();
  await database.pool.query('delete from deliveries where id = any($1)', [
    deliveries.map(({ id }) => id),
  ]);
  return run.id;
}

async function suspects(): Promise<Record<string, boolean>> {
  const found = await listSuspectRuns(database.pool, 45, 100);
  return Object.fromEntries(found.map(({ id, overdue }) => [id, overdue]));
}

test('suspects are runs that are quiet, and runs past their deadline however lively they are', async () => {
  const [lively, quiet, overdue, ended, waiting] = [
    await started(),
    await started(),
    await started(),
    await started(),
    (await database.queueRun()).run.id,
  ];
  await answer(database.pool, { runId: ended, turn: 0, owner: 'model' });
  const minuteAgo = `update runs set updated_at = clock_timestamp() - interval '1 minute'`;
  await database.pool.query(`${minuteAgo} where id = any($1)`, [[quiet, ended, waiting]]);
  const past = 'update runs set expires_at = unix_now() - 60 where id = any($1)';
  await database.pool.query(past, [[overdue, ended]]);
  const found = await suspects();
  expect(found).toEqual({ [quiet]: false, [overdue]: true });
  expect(found).not.toHaveProperty(lively);
});

test('of the runs that wait for their clients few are looked at, the longest quiet first, and all that are overdue', async () => {
  const parked: RunId[] = [];
  for (let n = 0; n < 6; n++) parked.push(await started());
  await database.pool.query(
    `update runs set status = 'requires_action', updated_at = clock_timestamp() - array_position($1::text[], id) * interval '-1 minute'
       - interval '1 hour' where id = any($1)`,
    [parked],
  );
  const past = 'update runs set expires_at = unix_now() - 60 where id = $1';
  await database.pool.query(past, [parked[5]]);
  const found = await listSuspectRuns(database.pool, 45, 100, 2);
  const ids = found.map(({ id }) => id).filter((id) => parked.includes(id));
  expect(new Set(ids)).toEqual(new Set([parked[0], parked[1], parked[5]]));
});

test('a day of events is kept while a run in it is active, and goes when all have ended', async () => {
  const name = 'run_events_20200102';
  await database.pool.query(`select create_event_partition('2020-01-02')`);
  const runId = await started();
  await database.pool.query(
    `insert into run_events (run_day, run_id, seq, event, data)
     select '2020-01-02', run_id, seq, event, data from run_events where run_id = $1`,
    [runId],
  );
  expect(await rotateEventPartitions(database.pool)).toEqual({ dropped: [] });
  const kept = await database.admin.query(`select seq from ${name} order by seq`);
  expect(kept.rows).toEqual([{ seq: 1 }, { seq: 2 }]);
  await answer(database.pool, { runId, turn: 0, owner: 'model' });
  expect(await rotateEventPartitions(database.pool)).toEqual({ dropped: [name] });
});
