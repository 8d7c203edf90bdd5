/** Temporal that is away when a worker starts, or goes away while it does: the worker waits, and then serves. */
import { expect, test } from 'vitest';

import { createRun, expectSettled, say } from '../support/durable-run.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

test('a worker that starts without Temporal, and loses it again before it polls, serves when Temporal is there', async () => {
  await using env = await ProcessEnvironment.start();
  await env.serveApi();
  env.model.script('late', say('Here I am.'));
  const run = await createRun(env, 'late');
  const { workerToTemporal: temporal, workerToDatabase: database } = env.proxies;
  temporal.refuse();
  database.hold('replies');
  const worker = env.beginWorker();
  await worker.logged('Temporal does not answer yet');
  temporal.accept();
  // It asks for the database once it has its connection to Temporal, and creates its workers after that.
  await expect.poll(() => database.connections).toBeGreaterThan(0);
  temporal.refuse();
  database.resume();
  await expect.poll(() => JSON.stringify(worker.lines)).toContain('could not be described');
  temporal.accept();
  await worker.logged('The worker is polling');
  await expectSettled(env, run, { answer: 'Here I am.', turns: 1 });
});
