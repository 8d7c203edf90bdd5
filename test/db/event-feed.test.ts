import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { EventFeed } from '../../db/events/event-feed.ts';
import { Listener } from '../../db/core/listener.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { appendEvents } from '../../db/events/run-events.ts';
import type { RunId } from '../../wire/ids.ts';
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

function append(runId: RunId, from: number, count: number): Promise<number> {
  const events = Array.from({ length: count }, (_, index) => note(from + index));
  return withTransaction(database.pool, (tx) => appendEvents(tx, runId, events));
}

async function read(
  runId: RunId,
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

test('a read of long events ends at two megabytes, and the reader goes on behind them', async () => {
  const { run } = await database.queueRun();
  const long = { event: 'thread.message.delta' as const, data: { text: 'ü'.repeat(50_000) } };
  await withTransaction(database.pool, (tx) => appendEvents(tx, run.id, Array(100).fill(long)));
  const pages: number[] = [];
  let seq = 0;
  for await (const rows of feed.tail(run.id, 0, new AbortController().signal)) {
    expect(rows.map((row) => row.seq)).toEqual(upTo(seq + 1, seq + rows.length));
    pages.push(rows.length);
    seq += rows.length;
    if (seq === 102) break;
  }
  expect(pages.length).toBeGreaterThan(4);
  expect(Math.max(...pages)).toBeLessThan(30);
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

describe('without its poll', () => {
  let still: EventFeed;
  let own: Listener;
  beforeAll(async () => {
    own = new Listener(database.url, 'test-still');
    vi.useFakeTimers({ toFake: ['setInterval'] });
    still = new EventFeed(database.pool, own);
    vi.useRealTimers();
    await own.start();
  });
  afterAll(async () => {
    still[Symbol.dispose]();
    await own[Symbol.asyncDispose]();
  });

  /** What a reader has got once it has `count` events, of which the first two are there already. */
  async function got(runId: RunId, count: number, meanwhile: () => Promise<unknown>) {
    const leaving = new AbortController();
    const seqs: number[] = [];
    const reading = (async () => {
      for await (const rows of still.tail(runId, 0, leaving.signal)) {
        seqs.push(...rows.map(({ seq }) => seq));
      }
    })();
    const reached = (length: number) =>
      vi.waitFor(() => expect(seqs.length).toBeGreaterThanOrEqual(length), { timeout: 15_000 });
    await reached(2);
    await meanwhile();
    await reached(count);
    leaving.abort();
    await reading;
    return seqs;
  }

  test('a notification brings what is new', async () => {
    const { run } = await database.queueRun();
    expect(await got(run.id, 12, () => append(run.id, 0, 10))).toEqual(upTo(1, 12));
  });

  test('a backlog of several pages is read to its end', async () => {
    const { run } = await database.queueRun();
    const seqs = await got(run.id, 1_202, () => append(run.id, 0, 1_200));
    expect(seqs).toEqual(upTo(1, 1_202));
  });

  test('a reader catches up once a lost LISTEN connection is back', async () => {
    const { run } = await database.queueRun();
    const seqs = await got(run.id, 3, async () => {
      const back = Promise.withResolvers<void>();
      own.onReconnect(back.resolve);
      await database.pool.query(
        `insert into run_events (run_day, run_id, seq, event, data)
         select run_day, run_id, 3, event, data from run_events where run_id = $1 and seq = 2`,
        [run.id],
      );
      await database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-still'`,
      );
      await back.promise;
    });
    expect(seqs).toEqual([1, 2, 3]);
  });
});
