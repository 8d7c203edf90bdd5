import { scheduler } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { EventBatcher } from '../../db/events/event-batcher.ts';
import { finalizeRun } from '../../db/runs/finalize.ts';
import { FencedError, insertDeltas, readEvents, runDay } from '../../db/events/run-events.ts';
import { openMessage } from '../../db/turns/open-step.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import { textDelta } from '../../wire/events.ts';
import type { RunId } from '../../wire/ids.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
let batcher: EventBatcher;
beforeAll(async () => {
  database = await startDatabase();
  batcher = new EventBatcher(database.url, 'test');
});
afterAll(async () => {
  await batcher[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

async function openStream(owner: string, through = batcher) {
  const { run } = await database.queueRun();
  const ref = { runId: run.id, turn: 0, owner };
  const claim = await claimTurn(database.pool, ref);
  if (claim.kind !== 'claimed') throw new Error('The turn was not claimed.');
  const open = await openMessage(database.pool, claim.run, ref, { images: [], text: 'first' });
  const stream = through.open(run.id, owner);
  stream.continueAfter(open.lastSeq);
  const push = (text: string) =>
    stream.push({
      entry: 'm',
      text,
      event: (joined) => textDelta(open.messageId!, 0, joined, false),
    });
  return { run, ref, stream, push, lastSeq: open.lastSeq };
}

async function texts(runId: RunId): Promise<string[]> {
  const events = await readEvents(database.pool, runId, 0);
  return events
    .filter(({ event }) => event === 'thread.message.delta')
    .map(
      ({ data }) =>
        (JSON.parse(data) as { delta: { content: [{ text: { value: string } }] } }).delta.content[0]
          .text.value,
    );
}

test('joins deltas that wait together and keeps the sequence without gaps', async () => {
  const { run, stream, push } = await openStream('a');
  for (let n = 0; n < 1_000; n++) push(`${n} `);
  await stream.flushed();
  const stored = await texts(run.id);
  expect(stored.join('')).toBe(`first${Array.from({ length: 1_000 }, (_, n) => `${n} `).join('')}`);
  expect(stored.length).toBeLessThan(20);
  const events = await readEvents(database.pool, run.id, 0);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
});

test('keeps entries apart and in order', async () => {
  const { run, stream, lastSeq } = await openStream('a');
  for (const entry of ['x', 'y', 'y', 'x']) {
    stream.push({ entry, text: entry, event: (joined) => textDelta('msg', 0, joined, false) });
  }
  await stream.flushed();
  const events = await readEvents(database.pool, run.id, lastSeq);
  expect((await texts(run.id)).slice(1)).toEqual(['x', 'yy', 'x']);
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3].map((n) => lastSeq + n));
});

test('a short delta does not wait for the long ones of many runs', async () => {
  const streams = [];
  for (let n = 0; n < 20; n++) streams.push(await openStream('a'));
  const short = await openStream('b');
  for (const { push } of streams) for (let n = 0; n < 3; n++) push('x'.repeat(60_000));
  short.push('short');
  await short.stream.flushed();
  const { rows } = await database.pool.query<{ count: number }>(
    `select count(*) from run_events where octet_length(data::text) > 60000`,
  );
  expect(rows[0]!.count).toBeLessThan(20);
  await Promise.all(streams.map(({ stream }) => stream.flushed()));
  for (const { run } of streams) expect((await texts(run.id)).join('')).toHaveLength(180_005);
});

test('an attempt that lost the run stores nothing more and says so', async () => {
  const { run, ref, stream, push } = await openStream('old');
  const claim = await claimTurn(database.pool, { ...ref, owner: 'new' });
  expect(claim.kind).toBe('claimed');
  const before = await readEvents(database.pool, run.id, 0);
  push('late');
  await expect(stream.flushed()).rejects.toThrow(FencedError);
  expect(() => push('later')).toThrow(FencedError);
  expect(await readEvents(database.pool, run.id, 0)).toEqual(before);
});

test('the attempt that takes over closes the cut message with the text its readers saw', async () => {
  const { run, ref, stream, push } = await openStream('old');
  push(' and second');
  await stream.flushed();
  await claimTurn(database.pool, { ...ref, owner: 'new' });
  const events = await readEvents(database.pool, run.id, 0);
  expect(events.slice(-2).map(({ event }) => event)).toEqual([
    'thread.message.incomplete',
    'thread.run.step.failed',
  ]);
  expect(JSON.parse(events.at(-2)!.data)).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'run_failed' },
    content: [{ text: { value: 'first and second' } }],
  });
});

test('a stream that was given up writes nothing afterwards', async () => {
  const { run, stream, push } = await openStream('a');
  push('one');
  await stream.abandon();
  const before = (await readEvents(database.pool, run.id, 0)).length;
  expect(() => push('two')).toThrow(FencedError);
  expect((await readEvents(database.pool, run.id, 0)).length).toBe(before);
});

test('runs of one process share their statements', async () => {
  const opened = await Promise.all(Array.from({ length: 30 }, (_, n) => openStream(`owner-${n}`)));
  for (let round = 0; round < 20; round++) for (const { push } of opened) push('.');
  await Promise.all(opened.map(({ stream }) => stream.flushed()));
  for (const { run } of opened) {
    expect((await texts(run.id)).join('')).toBe(`first${'.'.repeat(20)}`);
  }
});

test('a message that is cut off has every delta that was stored before its end', async () => {
  const streams = await Promise.all(Array.from({ length: 100 }, () => openStream('a')));
  let pushing = true;
  const writing = (async () => {
    for (let n = 0; pushing; n++) {
      for (const { push } of streams) {
        try {
          push(`${n} `);
        } catch {
          // Its run has ended.
        }
      }
      await scheduler.wait(2);
    }
  })();
  for (const { run } of streams) await finalizeRun(database.pool, run.id, { status: 'expired' });
  pushing = false;
  await writing;
  for (const { run } of streams) {
    const shown = (await texts(run.id)).join('');
    const { rows } = await database.pool.query<{ text: string }>(
      `select content #>> '{0,text,value}' as text from messages where run_id = $1`,
      [run.id],
    );
    expect(rows).toEqual([{ text: shown }]);
    const events = await readEvents(database.pool, run.id, 0);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)?.event).toBe('thread.run.expired');
  }
});

test('a place that is taken stops its own run, and not the others of the flush', async () => {
  const [taken, free] = [await openStream('a'), await openStream('b')];
  const deltas = [taken, free].map(({ run, ref, lastSeq }, index) => ({
    runId: run.id,
    day: runDay(run.id),
    owner: ref.owner,
    seq: lastSeq + index,
    event: textDelta('msg', 0, 'late', false),
  }));
  const stored = insertDeltas(database.pool, deltas);
  await expect(stored).resolves.toEqual(new Set([free.run.id]));
});

test('a delta of an attempt that lost the run is not stored, even where there is room for it', async () => {
  const { run, ref, lastSeq } = await openStream('old');
  const event = textDelta('msg', 0, 'late', false);
  const at = { runId: run.id, day: runDay(run.id), seq: lastSeq + 100, event };
  await claimTurn(database.pool, { ...ref, owner: 'new' });
  expect(await insertDeltas(database.pool, [{ ...at, owner: 'old' }])).toEqual(new Set());
  expect(await insertDeltas(database.pool, [{ ...at, owner: 'new' }])).toEqual(new Set([run.id]));
});

test('what was stored as the connection broke is found, and not written again', async () => {
  const { hostname, port } = new URL(database.url);
  await using proxy = await TcpProxy.start({ host: hostname, port: Number(port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  await using cut = new EventBatcher(url.href, 'test');
  const { run, stream, push, lastSeq } = await openStream('a', cut);
  const unheard = proxy.holdRepliesAfter('insert into run_events');
  push(' and second');
  await unheard;
  await expect.poll(() => readEvents(database.pool, run.id, lastSeq)).toHaveLength(1);
  push(' and third');
  proxy.cut();
  proxy.resume();
  await expect(stream.flushed()).resolves.toBeUndefined();
  expect((await texts(run.id)).join('')).toBe('first and second and third');
  const seqs = (await readEvents(database.pool, run.id, 0)).map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
});

test('what a reader may see waits for the disk first', async () => {
  const { admin } = database;
  await admin.query(`create table commits (event text, waits text);
    create function note() returns trigger language plpgsql security definer as $$ begin
      insert into commits values (new.event, current_setting('synchronous_commit')); return new; end $$;
    create trigger note after insert on run_events for each row execute function note()`);
  const { stream, push } = await openStream('a');
  push('second');
  await stream.flushed();
  const { rows } = await admin.query(
    'select waits, bool_or(event like $1) as deltas from commits group by 1',
    ['%.delta'],
  );
  expect(rows).toEqual([{ waits: 'on', deltas: true }]);
  await admin.query('drop trigger note on run_events');
});
