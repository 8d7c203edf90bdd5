/** What Temporal has not accepted yet: which delivery is next, and what a second process leaves alone. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import type { ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import type { Delivery } from '../../db/core/deliveries.ts';
import { removeDelivery, takeDueDeliveries } from '../../db/core/deliveries.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { inProject, inWholeDatabase } from '../../db/core/row-scope.ts';
import { cancelRun } from '../../db/runs/cancel-run.ts';
import { submitToolOutputs } from '../../db/turns/submit-outputs.ts';
import { callTools } from '../support/turns.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(() => inWholeDatabase(() => database.pool.query('delete from deliveries')));

const makeAllDue = () =>
  database.pool.query('update deliveries set next_attempt_at = clock_timestamp()');

async function takeAll(): Promise<Delivery[]> {
  await makeAllDue();
  const taken = await takeDueDeliveries(database.pool, 50);
  return taken.toSorted((a, b) => a.id - b.id);
}

const summaryOf = (taken: Delivery[]) =>
  taken.map(({ workflowId, payload }) => [workflowId, payload.kind]);

function cancel(run: { id: RunId; thread_id: ThreadId }) {
  return withTransaction(database.pool, (tx) =>
    cancelRun(tx, { projectId: database.projectId, threadId: run.thread_id, runId: run.id }),
  );
}

test('a cancel or a signal never overtakes the start of its run', async () => {
  const { run: cancelled } = await database.queueRun();
  await cancel(cancelled);
  const { run: answered } = await database.queueRun();
  const ref = { runId: answered.id, turn: 0, owner: 'model' };
  const { calls, stepId } = await callTools(database.pool, ref);
  const outputs = calls.map((id) => ({ tool_call_id: id, output: '42' }));
  await withTransaction(database.pool, (tx) =>
    submitToolOutputs(
      tx,
      { projectId: database.projectId, threadId: answered.thread_id, runId: answered.id },
      outputs,
    ),
  );
  const starts = await takeAll();
  expect(summaryOf(starts)).toEqual([
    [cancelled.id, 'start'],
    [answered.id, 'start'],
  ]);
  for (const { id } of starts) await removeDelivery(database.pool, id);
  const next = await takeAll();
  expect(summaryOf(next)).toEqual([
    [cancelled.id, 'cancel'],
    [answered.id, 'signal'],
  ]);
  expect(next[1]!.payload).toEqual({ kind: 'signal', submission: stepId });
});

test('what one process has taken is left alone by others for a while', async () => {
  const { run } = await database.queueRun();
  await makeAllDue();
  const take = () => takeDueDeliveries(database.pool, 50);
  const taken = await Promise.all([take(), take()]);
  expect(summaryOf(taken.flat())).toEqual([[run.id, 'start']]);
  expect(await take()).toEqual([]);
  expect(summaryOf(await takeAll())).toEqual([[run.id, 'start']]);
});

test('the projects take turns, however many starts of one of them are older', async () => {
  const { pool } = database;
  for (const project of ['a', 'a', 'a', 'a', 'b'] as ProjectId[]) {
    await inProject(project, () =>
      pool.query(
        `insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
         values ($1, gen_random_uuid()::text, 'start', '{"kind": "start"}', clock_timestamp())`,
        [project],
      ),
    );
  }
  await inWholeDatabase(() => takeDueDeliveries(pool, 2));
  const { rows } = await inWholeDatabase(() =>
    pool.query<{ project_id: string }>(
      'select project_id from deliveries where attempts > 0 order by project_id',
    ),
  );
  expect(rows.map(({ project_id }) => project_id)).toEqual(['a', 'b']);
});
