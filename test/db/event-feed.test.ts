import { afterAll, beforeAll, expect, test } from 'vitest';

import { EventFeed } from '../../db/event-feed.ts';
import { Listener } from '../../db/listener.ts';
import { withTransaction } from '../../db/pool.ts';
import { appendEvents } from '../../db/run-events.ts';
import type { RunEvent } from '../../wire/types.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
let listener: Listener;
let feed: EventFeed;
beforeAll(async () => {
  database = await startDatabase();
  listener = new Listener(database.url, 'test-listen');
  feed = new EventFeed(database.pool, listener);
  await listener.start();
});
afterAll(async () => {
  feed[Symbol.dispose]();
  await listener[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const note = (n: number): RunEvent => ({ event: 'thread.message.delta', data: { n } });

function append(runId: string, from: number, count: number): Promise<number> {
  const events = Array.from({ length: count }, (_, index) => note(from + index));
  return withTransaction(database.pool, (tx) => appendEvents(tx, runId, events));
}

async function read(
  runId: string,
  afterSeq: number,
  count: number,
  signal = new AbortController().signal,
): Promise<number[]> {
  const seqs: number[] = [];
  for await (const rows of feed.tail(runId, afterSeq, signal)) {
    seqs.push(...rows.map(({ seq }) => seq));
    if (seqs.length >= count) break;
  }
  return seqs;
}

const upTo = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('hands over from the backlog to live events without a gap or a repeat', async () => {
  const { run } = await database.queueRun();
  await append(run.id, 0, 1_200);
  const reading = Promise.all([
    read(run.id, 0, 1_702),
    read(run.id, 1_100, 602),
    read(run.id, 0, 1_702),
  ]);
  for (let n = 0; n < 50; n++) await append(run.id, n * 10, 10);
  const [whole, late, second] = await reading;
  expect(whole).toEqual(upTo(1, 1_702));
  expect(second).toEqual(whole);
  expect(late).toEqual(upTo(1_101, 1_702));
});

test('a reader that does not ask gets nothing and holds nobody up', async () => {
  const { run } = await database.queueRun();
  const slow = feed.tail(run.id, 0, new AbortController().signal);
  const first = (await slow.next()).value as { seq: number }[];
  await append(run.id, 0, 2_000);
  expect(await read(run.id, 0, 2_002)).toEqual(upTo(1, 2_002));
  const rest: number[] = [];
  for await (const rows of slow) {
    rest.push(...rows.map(({ seq }) => seq));
    if (rest.at(-1) === 2_002) break;
  }
  expect(rest).toEqual(upTo(first.at(-1)!.seq + 1, 2_002));
});

test('a lost LISTEN connection loses no event', async () => {
  const { run } = await database.queueRun();
  const reading = read(run.id, 0, 12);
  await database.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-listen'`,
  );
  await append(run.id, 0, 10);
  expect(await reading).toEqual(upTo(1, 12));
});

test('an event without a notification arrives by the poll', async () => {
  const { run } = await database.queueRun();
  const reading = read(run.id, 2, 1);
  await database.pool.query(
    `insert into run_events (run_day, run_id, seq, event, data)
     select run_day, run_id, 3, event, data from run_events where run_id = $1 and seq = 2`,
    [run.id],
  );
  expect(await reading).toEqual([3]);
});

test('ends when the reader leaves or the feed closes', async () => {
  const { run } = await database.queueRun();
  const leaving = new AbortController();
  const reading = read(run.id, 2, 1, leaving.signal);
  leaving.abort();
  expect(await reading).toEqual([]);
});
