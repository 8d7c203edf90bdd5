/** The status of a run changes in one file, and only along the documented graph. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Tx } from '../../db/core/pool.ts';
import { withTransaction } from '../../db/core/pool.ts';
import type { RunPath } from '../../db/runs/read-runs.ts';
import {
  claimRun,
  endRun,
  endTurn,
  pauseRun,
  resumeRun,
  startCancelling,
} from '../../db/runs/transitions.ts';
import type { RunRow } from '../../wire/rows.ts';
import { TRANSITIONS } from '../../wire/run-status.ts';
import type { RunStatus } from '../../wire/types.ts';
import { USED } from '../support/turns.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

const ERROR = { code: 'server_error' as const, message: 'It failed.' };
const STATUSES = Object.keys(TRANSITIONS) as RunStatus[];

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

type Transition = (tx: Tx, path: RunPath) => Promise<RunRow | undefined>;

function turnEnd(status: 'completed' | 'in_progress' | 'requires_action'): Transition {
  return (tx, { runId }) =>
    endTurn(tx, { runId, owner: 'me' }, { status, usage: USED, toolCalls: [] });
}

/** The end of a turn is narrower than the graph: only the attempt that owns the run, which is in progress, ends it. */
test.each<[string, RunStatus, Transition, (readonly RunStatus[])?]>([
  ['a resume', 'queued', (tx, { runId }) => resumeRun(tx, runId)],
  ['a claim', 'in_progress', (tx, { runId }) => claimRun(tx, { runId, turn: 0, owner: 'me' })],
  ['a pause', 'requires_action', (tx, { runId }) => pauseRun(tx, runId, [])],
  ['a cancel', 'cancelling', startCancelling],
  ['the end of a turn', 'completed', turnEnd('completed'), ['in_progress']],
  ['the end of a turn that calls tools', 'in_progress', turnEnd('in_progress'), ['in_progress']],
  ['the end of a turn that asks', 'requires_action', turnEnd('requires_action'), ['in_progress']],
  ...(['cancelled', 'expired', 'incomplete'] as const).map(
    (status): [string, RunStatus, Transition] => [
      `the end of a run as ${status}`,
      status,
      (tx, { runId }) => endRun(tx, runId, { status }),
    ],
  ),
  ['a failure', 'failed', (tx, { runId }) => endRun(tx, runId, { status: 'failed', error: ERROR })],
])('%s finds a run only where the graph has an arrow to %s', async (_, to, move, from) => {
  const { pool, projectId } = database;
  const { run } = await database.queueRun();
  const path = { projectId, threadId: run.thread_id, runId: run.id };
  const found: RunStatus[] = [];
  for (const status of STATUSES) {
    await pool.query(`update runs set status = $2, owner = 'me' where id = $1`, [run.id, status]);
    const moved = await withTransaction(pool, (tx) => move(tx, path));
    if (moved === undefined) continue;
    expect(moved.status).toBe(to);
    found.push(status);
  }
  expect(found.toSorted()).toEqual([...(from ?? TRANSITIONS[to])].toSorted());
  await pool.query(`update runs set status = 'cancelled' where id = $1`, [run.id]);
});

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROOMS = 'activities,api,bin,db,embedded,retrieval,temporal,worker';

test('no other file changes the status of a run, and a run is created in one place', () => {
  const writers: string[] = [];
  const creators: string[] = [];
  for (const file of globSync(`{${ROOMS}}/**/*.ts`, { cwd: ROOT })) {
    const source = readFileSync(`${ROOT}/${file}`, 'utf8');
    const changes = source.matchAll(/update runs\b[^`]*?\bset\b([^`]*?)(\bwhere\b|`)/g);
    if ([...changes].some(([, set]) => /\bstatus = /.test(set!))) writers.push(file);
    if (source.includes('insert into runs ')) creators.push(file);
  }
  expect(writers).toEqual(['db/runs/transitions.ts']);
  expect(creators).toEqual(['db/runs/create-run.ts']);
});
