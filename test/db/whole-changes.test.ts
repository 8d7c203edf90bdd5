/** A row that clients see and the events that tell them of it are stored together, or neither is. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunId, ThreadId } from '../../wire/ids.ts';
import { finalizeRun } from '../../db/runs/finalize.ts';
import type { Tx } from '../../db/core/pool.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { createRun } from '../../db/runs/create-run.ts';
import { submitToolOutputs } from '../../db/turns/submit-outputs.ts';
import { storeSearch } from '../../db/turns/tool-calls.ts';
import { completeMessage } from '../../db/turns/open-step.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import { finishTurn } from '../../db/turns/finish-turn.ts';
import {
  callTools,
  claim,
  endInAnswer,
  endInCalls,
  newCall,
  openAnswer,
  openCalls,
} from '../support/turns.ts';
import type { Database } from './database.ts';
import { SETTINGS, startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
  await database.admin.query(
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'no room for events'; end $$`,
  );
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

type Place = { threadId: ThreadId; runId: RunId };

/** Every row of the thread and its run, in every table that has any. */
async function rowsOf({ threadId, runId }: Place): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {};
  const tables = { threads: 'id', runs: 'thread_id', messages: 'thread_id' };
  const ofRun = { run_steps: 'run_id', tool_calls: 'run_id', run_turns: 'run_id' };
  const tellers = { run_events: 'run_id', deliveries: 'run_id' };
  for (const [table, column] of Object.entries({ ...tables, ...ofRun, ...tellers })) {
    const id = column === 'run_id' ? runId : threadId;
    const { rows } = await database.pool.query<{ row: unknown }>(
      `select to_json(t) as row from ${table} t where ${column} = $1 order by 1::text`,
      [id],
    );
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

/** While no event can be stored. */
async function withoutEvents<T>(work: () => Promise<T>): Promise<T> {
  const { admin } = database;
  await admin.query(
    'create trigger refuse before insert on run_events for each row execute function refuse()',
  );
  try {
    return await work();
  } finally {
    await admin.query('drop trigger refuse on run_events');
  }
}

type Change = Place & { change: () => Promise<unknown> };

async function queued() {
  const { run } = await database.queueRun();
  const ref = { runId: run.id, turn: 0, owner: 'model' };
  return { threadId: run.thread_id, runId: run.id, ref };
}

const inTransaction = (work: (tx: Tx) => Promise<unknown>) => () =>
  withTransaction(database.pool, work);

const CHANGES: Record<string, () => Promise<Change>> = {
  'a run is created': async () => {
    const place = await queued();
    await finalizeRun(database.pool, place.runId, { status: 'cancelled' });
    const change = inTransaction((tx) =>
      createRun(tx, { ...database, ...place }, { messages: [], onActiveRun: 'reject' }, SETTINGS),
    );
    return { ...place, change };
  },
  'a run begins': async () => {
    const { ref, ...place } = await queued();
    return { ...place, change: () => claimTurn(database.pool, ref) };
  },
  'a message is opened': async () => {
    const { ref, ...place } = await queued();
    const run = await claim(database.pool, ref);
    return { ...place, change: () => openAnswer(database.pool, run, ref, 'First') };
  },
  'a message is completed in the middle of a turn': async () => {
    const { ref, ...place } = await queued();
    const run = await claim(database.pool, ref);
    const { messageId } = await openAnswer(database.pool, run, ref, 'First');
    const end = { content: [], tokens: 1 };
    return {
      ...place,
      change: () => completeMessage(database.pool, run, ref, { messageId, ...end }),
    };
  },
  'tools are called': async () => {
    const { ref, ...place } = await queued();
    const run = await claim(database.pool, ref);
    const calls = [newCall('function')];
    await openCalls(database.pool, run, ref, calls);
    return { ...place, change: () => finishTurn(database.pool, ref, endInCalls(calls)) };
  },
  'a tool has its result': async () => {
    const { ref, ...place } = await queued();
    const { calls } = await callTools(database.pool, ref, 'code_interpreter');
    const search = {
      ranking_options: { ranker: 'auto', score_threshold: 0 },
      results: [],
    } as const;
    const call = { runId: place.runId, callId: calls[0]! };
    return {
      ...place,
      change: () => storeSearch(database.pool, call, { ...search, results: [] }),
    };
  },
  'outputs are submitted': async () => {
    const { ref, ...place } = await queued();
    const { calls } = await callTools(database.pool, ref);
    const outputs = calls.map((id) => ({ tool_call_id: id, output: '42' }));
    const { threadId, runId } = place;
    const change = inTransaction((tx) =>
      submitToolOutputs(tx, { projectId: database.projectId, threadId, runId }, outputs),
    );
    return { ...place, change };
  },
  'a run completes': async () => {
    const { ref, ...place } = await queued();
    const run = await claim(database.pool, ref);
    const { messageId } = await openAnswer(database.pool, run, ref, 'All');
    const end = endInAnswer(messageId, 'All of it.');
    return { ...place, change: () => finishTurn(database.pool, ref, end) };
  },
  'a run is ended': async () => {
    const place = await queued();
    return {
      ...place,
      change: () => finalizeRun(database.pool, place.runId, { status: 'expired' }),
    };
  },
};

test.each(Object.keys(CHANGES))('when %s', async (name) => {
  const { change, ...place } = await CHANGES[name]!();
  const before = await rowsOf(place);
  await withoutEvents(() => expect(change()).rejects.toThrow('no room for events'));
  expect(await rowsOf(place)).toEqual(before);
  await change();
  expect(await rowsOf(place)).not.toEqual(before);
});
