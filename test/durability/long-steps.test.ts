/** Steps that take longer than Temporal lets an activity be silent, and ends that nobody asks for. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { RunRef } from '../support/durable-run.ts';
import { createRun, eventually, expectSettled, say, untilStatus } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold } from '../support/fake-model.ts';
import { lock } from '../support/locks.ts';
import { passNow } from '../support/operator.ts';

// Longer than any wait below: what does not come is said by the assertion.
vi.setConfig({ testTimeout: 200_000 });

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

/** What Temporal knows of the step under way. */
async function stepOf({ runId }: RunRef) {
  const { raw } = await env.temporal.workflow.getHandle(runId).describe();
  const [step] = raw.pendingActivities ?? [];
  return { attempt: step?.attempt, alive: Boolean(step?.lastHeartbeatTime) };
}

test('a model that thinks for long is asked once: the step says that it is alive', async () => {
  const slow = hold(say('After all.'), { afterChunks: 0 });
  env.model.script('slow', slow.reply);
  const ref = await createRun(env, 'slow');
  await slow.reached;
  // A step that is silent for ten seconds is begun again.
  const spoken = eventually(async () => {
    const step = await stepOf(ref);
    expect(step.alive || step.attempt !== 1).toBe(true);
    return step;
  });
  await expect(spoken).resolves.toEqual({ attempt: 1, alive: true });
  slow.release();
  await expectSettled(env, ref, { answer: 'After all.', turns: 1 });
});

test('a run ends at its deadline while nobody reads it', async () => {
  const silent = hold(say('Never.'), { afterChunks: 0 });
  env.model.script('silent', silent.reply);
  // The reconciler would make up for a timer that is missing.
  const reconciler = await lock(env, 'select from passes for update');
  const { id: assistant_id } = await env.client.beta.assistants.create({ model: 'silent' });
  const body = { assistant_id, instructions: 'Go on.', expires_after: 3 };
  const run = await env.client.beta.threads.createAndRun(body);
  const ended = eventually(async () => {
    const { rows } = await env.pool.query('select status from runs where id = $1', [run.id]);
    expect(rows[0]).not.toMatchObject({ status: 'in_progress' });
    expect(rows[0]).not.toMatchObject({ status: 'queued' });
    return rows[0] as unknown;
  });
  try {
    await expect(ended).resolves.toEqual({ status: 'expired' });
  } finally {
    await reconciler.end();
  }
  silent.release();
});

test('a run past its deadline is ended by the reconciler when no timer did', async () => {
  const silent = hold(say('Never.'), { afterChunks: 0 });
  env.model.script('overdue', silent.reply);
  const ref = await createRun(env, 'overdue');
  await silent.reached;
  await env.pool.query('update runs set expires_at = unix_now() - 6 where id = $1', [ref.runId]);
  await passNow(env.pool);
  await eventually(async () => {
    const { rows } = await env.pool.query('select status from runs where id = $1', [ref.runId]);
    expect(rows).toEqual([{ status: 'expired' }]);
  });
  silent.release();
  await untilStatus(env, ref, 'expired');
});
