/** Deltas that are under way as what they belong to is deleted, and threads that are large. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { finalizeRun } from '../../db/runs/finalize.ts';
import { deleteMessage } from '../../db/threads/messages.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { eraseDue } from '../../db/events/erase-events.ts';
import { insertDeltas, readEvents, runDay } from '../../db/events/run-events.ts';
import { deleteThread } from '../../db/threads/threads.ts';
import { openMessage } from '../../db/turns/open-step.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import { textDelta } from '../../wire/events.ts';
import { tablesWith } from '../support/find-text.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** A run whose attempt writes `word`. */
async function writeRun(word: string) {
  const { pool } = database;
  const { run } = await database.queueRun();
  const ref = { runId: run.id, turn: 0, owner: 'a' };
  const claim = await claimTurn(pool, ref);
  if (claim.kind !== 'claimed') throw new Error('The turn was not claimed.');
  const { messageId, lastSeq } = await openMessage(pool, claim.run, ref, {
    images: [],
    text: word,
  });
  const event = textDelta(messageId!, 0, word, false);
  const delta = { runId: run.id, day: runDay(run.id), owner: 'a', seq: lastSeq + 1, event };
  return { run, messageId: messageId!, delta };
}

/** A delta that is written before the deletion and committed after it. */
async function writeAround(
  word: string,
  work: (made: Awaited<ReturnType<typeof writeRun>>) => Promise<unknown>,
) {
  const made = await writeRun(word);
  await withTransaction(database.pool, async (tx) => {
    expect((await insertDeltas(tx, [made.delta])).size).toBe(1);
    await work(made);
  });
  expect(await tablesWith(database.pool, word)).toEqual(['run_events']);
  return made;
}

async function pass(): Promise<void> {
  await database.pool.query('update pending_erasures set due_at = clock_timestamp()');
  await eraseDue(database.pool);
}

test('a delta that outlives its thread is erased by the next pass', async () => {
  await writeAround('outlivesthread', ({ run }) =>
    withTransaction(database.pool, (tx) => deleteThread(tx, database.projectId, run.thread_id)),
  );
  await eraseDue(database.pool);
  expect(await tablesWith(database.pool, 'outlivesthread')).toEqual(['run_events']);
  await pass();
  expect(await tablesWith(database.pool, 'outlivesthread')).toEqual([]);
  await pass();
});

test('one that outlives its message is, once the run has ended', async () => {
  const { run } = await writeAround('outlivesmessage', ({ run: { thread_id }, messageId }) =>
    withTransaction(database.pool, (tx) =>
      deleteMessage(tx, { projectId: database.projectId, threadId: thread_id, messageId }),
    ),
  );
  await pass();
  expect(await tablesWith(database.pool, 'outlivesmessage')).toEqual(['run_events']);
  await finalizeRun(database.pool, run.id, { status: 'cancelled' });
  await pass();
  expect(await tablesWith(database.pool, 'outlivesmessage')).toEqual([]);
  const events = await readEvents(database.pool, run.id, 0);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
});

test('a thread of 100,000 messages and 10,000 runs is deleted in seconds', async () => {
  const { run } = await database.queueRun();
  const { pool } = database;
  await pool.query(
    `insert into messages (id, thread_id, project_id, seq, created_at, role, status, content, attachments, metadata)
     select 'msg_' || n, $1, $2, n + 1, 0, 'user', 'completed', '["largethread"]', '[]', '{}' from generate_series(1, 100000) n`,
    [run.thread_id, database.projectId],
  );
  await pool.query(
    `insert into runs select (r).* from (select jsonb_populate_record(r, jsonb_build_object('id', r.id || n, 'status', 'completed')) as r
       from runs r, generate_series(1, 10000) n where id = $1) copies`,
    [run.id],
  );
  expect(await tablesWith(pool, 'largethread')).toEqual(['messages']);
  const started = performance.now();
  await withTransaction(pool, (tx) => deleteThread(tx, database.projectId, run.thread_id));
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(await tablesWith(pool, 'largethread')).toEqual([]);
});
