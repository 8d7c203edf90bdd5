import { afterAll, beforeAll, expect, test } from 'vitest';

import { withTransaction } from '../../db/core/pool.ts';
import { appendEvents, readEvents, readEventsOfMany, runDay } from '../../db/events/run-events.ts';
import type { NewRun } from '../../db/runs/create-run.ts';
import { getRunRow } from '../../db/runs/read-runs.ts';
import { runEvent } from '../../wire/events.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { AssistantTool } from '../../wire/types.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const functionWith = (description: string, parameters: Record<string, unknown>): AssistantTool => ({
  type: 'function',
  function: { name: 'f', description, parameters, strict: false },
});

const LARGE: Partial<NewRun> = {
  instructions: 'Say "tools":null, \\ and ünïcode 🙂. '.repeat(4_000),
  tools: [
    { type: 'code_interpreter' },
    functionWith('d'.repeat(200_000), { b: 1, a: [1.1, 1e100], '2': {}, '1': null, é: '\u2028' }),
  ],
  response_format: {
    type: 'json_schema',
    json_schema: { name: 's', schema: { tools: null, enum: ['"tools":null'] } },
  },
};

async function rowOf({ id, thread_id }: Pick<RunRow, 'id' | 'thread_id'>): Promise<RunRow> {
  const { pool, projectId } = database;
  return getRunRow(pool, { projectId, threadId: thread_id, runId: id });
}

/** A run whose events are those of its creation and two more; `whole` are they as clients are to see them. */
async function startRun(settings: Partial<NewRun>) {
  const { run } = await database.queueRun(settings);
  const row = await rowOf(run);
  const later = [runEvent({ ...row, status: 'in_progress', started_at: 5 }), runEvent(row)];
  await withTransaction(database.pool, (tx) => appendEvents(tx, run.id, later));
  const events = [runEvent(row, 'created'), runEvent(row), ...later];
  const whole = events.map(({ event, data }) => ({ event, data: JSON.stringify(data) }));
  return { run, whole };
}

async function storedBytes(runId: string): Promise<number> {
  const { rows } = await database.pool.query<{ bytes: number }>(
    'select sum(octet_length(data::text))::integer as bytes from run_events where run_id = $1',
    [runId],
  );
  return rows[0]!.bytes;
}

const seen = (rows: { event: string; data: string }[]) =>
  rows.map(({ event, data }) => ({ event, data }));

test('events leave long tools, instructions and schemas to the row, and readers get the same bytes', async () => {
  const { run, whole } = await startRun(LARGE);
  expect(whole[0]!.data.length).toBeGreaterThan(300_000);
  expect(await storedBytes(run.id)).toBeLessThan(6_000);
  expect(seen(await readEvents(database.pool, run.id, 0))).toEqual(whole);
  const project = database.projectId;
  const place = (afterSeq: number) => ({ runId: run.id, day: runDay(run.id), afterSeq, project });
  const many = await readEventsOfMany(database.pool, [place(0), place(3)], {
    rows: 10,
    bytes: 1_000_000,
  });
  expect(seen(many)).toEqual([...whole, whole[3]]);
});

test('the events of a short run are stored whole, and read by one statement', async () => {
  const { run, whole } = await startRun({ tools: [functionWith('Short.', {})] });
  const { rows } = await database.pool.query<{ event: string; data: string }>(
    'select event, data from run_events where run_id = $1 order by seq',
    [run.id],
  );
  expect(seen(rows)).toEqual(whole);
  expect(seen(await readEvents(database.pool, run.id, 0))).toEqual(whole);
});

test('reads events of a large run that an earlier version stored whole', async () => {
  const { run, whole } = await startRun(LARGE);
  const older = [2, 4];
  for (const seq of older) {
    await database.pool.query('update run_events set data = $3 where run_id = $1 and seq = $2', [
      run.id,
      seq,
      whole[seq - 1]!.data,
    ]);
  }
  expect(seen(await readEvents(database.pool, run.id, 0))).toEqual(whole);
});

test('a reader that is between the events and the row of a deleted run gets neither', async () => {
  const [deleted, other] = [await startRun(LARGE), await startRun(LARGE)];
  await database.pool.query('delete from runs where id = $1', [deleted.run.id]);
  const places = [deleted.run, other.run].map(({ id }) => ({
    runId: id,
    day: runDay(id),
    afterSeq: 0,
    project: database.projectId,
  }));
  const rows = await readEventsOfMany(database.pool, places, { rows: 10, bytes: 1_000_000 });
  expect(rows.map(({ position }) => position)).toEqual([2, 2, 2, 2]);
  expect(seen(rows)).toEqual(other.whole);
});
