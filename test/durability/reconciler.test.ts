/** The passes that a worker makes over everything, without a workflow for each. */
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';

import { startReconciler } from '../../worker/reconcile.ts';
import { startDatabase } from '../db/database.ts';
import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { passNow } from '../support/operator.ts';

const ENDED = { COMPLETED: true, RUNNING: false } as Record<string, boolean>;

test('a worker takes the schedule of 0.1.0 over, with the pass under way', async () => {
  await using env = await Environment.start({ worker: false });
  const { taskQueue } = env.config;
  const id = `${taskQueue}-reconcile`;
  const schedule = await env.temporal.schedule.create({
    scheduleId: id,
    spec: { intervals: [{ every: '30s' }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
    action: {
      type: 'startWorkflow',
      workflowType: 'reconcileWorkflow',
      workflowId: id,
      taskQueue,
    },
  });
  await schedule.trigger();
  const [action] = await eventually(async () => {
    const { info } = await schedule.describe();
    expect(info.recentActions).toHaveLength(1);
    return info.recentActions;
  });
  await env.startWorker();
  await expect(schedule.describe()).rejects.toThrow();
  const workflow = env.temporal.workflow.getHandle(action!.action.workflow.workflowId);
  await eventually(async () => expect(ENDED[(await workflow.describe()).status.name]).toBe(true));
});

test('passes follow each other and leave no workflow behind', async () => {
  await using env = await Environment.start();
  for (let passes = 0; passes < 2; passes++) {
    await passNow(env.pool);
    await eventually(async () => {
      const { rowCount } = await env.pool.query('select from passes where next_at > now()');
      expect(rowCount).toBe(2);
    });
  }
  const { count } = await env.temporal.workflow.count(`TaskQueue = '${env.config.taskQueue}'`);
  expect(count).toBe(0);
});

test('when Temporal has lost everything, one pass starts more runs than it asks about at once', async () => {
  await using env = await Environment.start({ worker: false });
  await using database = await startDatabase();
  const { pool } = database;
  for (let runs = 0; runs < 130; runs++) await database.queueRun();
  await pool.query('delete from deliveries');
  await pool.query(`update runs set updated_at = updated_at - interval '1 minute'`);
  const { temporal: client, log } = env;
  const { taskQueue, threadTtlDays, runTtlDays } = env.config;
  const parts = { pool, client, taskQueue, threadTtlDays, runTtlDays, embedder: null, log };
  onTestFinished(startReconciler(parts));
  await eventually(async () => {
    const { rows } = await pool.query('select count(*)::int as started from deliveries');
    expect(rows).toEqual([{ started: 130 }]);
  });
  const { rows } = await pool.query(
    `select extract(epoch from next_at - now()) as due from passes`,
  );
  expect(Math.max(...rows.map(({ due }) => Number(due)))).toBeGreaterThan(0);
});
