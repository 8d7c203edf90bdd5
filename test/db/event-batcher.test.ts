import { scheduler } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { EventBatcher } from '../../db/event-batcher.ts';
import { finalizeRun } from '../../db/finalize.ts';
import { FencedError, readEvents } from '../../db/run-events.ts';
import { openMessage } from '../../db/turn-objects.ts';
import { claimTurn } from '../../db/turns.ts';
import { textDelta } from '../../wire/events.ts';
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

async function openStream(owner: string) {
  const { run } = await database.queueRun();
  const ref = { runId: run.id, turn: 0, owner };
  const claim = await claimTurn(database.pool, ref);
  if (claim.kind !== 'claimed') throw new Error('The turn was not claimed.');
  const open = await openMessage(database.pool, claim.run, ref, [], 'first');
  const stream = batcher.open(run.id, owner);
  stream.continueAfter(open.lastSeq);
  const push = (text: string) =>
    stream.push({
      entry: 'm',
      text,
      event: (joined) => textDelta(open.messageId!, 0, joined, false),
    });
  return { run, ref, stream, push, lastSeq: open.lastSeq };
}

async function texts(runId: string): Promise<string[]> {
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
  for (const { run } of opened)
    expect((await texts(run.id)).join('')).toBe(`first${'.'.repeat(20)}`);
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
