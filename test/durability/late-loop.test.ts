/** A worker whose event loop stands still, as on a computer with too much to do, is alive: its turns are not given to another. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createRun, expectSettled, follow, say } from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';

/** On SIGUSR2 the loop stands still for so many seconds; threads beside it go on. */
const stands = (seconds: number) =>
  `import { isMainThread } from 'node:worker_threads';
   const cell = new Int32Array(new SharedArrayBuffer(4));
   if (isMainThread) process.on('SIGUSR2', () => Atomics.wait(cell, 0, 0, ${seconds * 1_000}));`;
/** Longer than the heartbeat timeout of 6 s and what a retry would take. */
const LATE_SECONDS = 10;

let env: ProcessEnvironment;
beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
});
afterAll(() => env[Symbol.asyncDispose]());

test('keeps the turn of a loop that is ten seconds late, and asks the model once', async () => {
  const worker = await startStanding(LATE_SECONDS);
  const answer = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script('late', answer.reply, say('A second answer.'));
  const ref = await createRun(env, 'late');
  await (await follow(env, ref)).sawText('one two');
  const handle = env.temporal.workflow.getHandle(ref.runId);
  const beatAt = async () =>
    Number((await handle.describe()).raw.pendingActivities?.[0]?.lastHeartbeatTime?.seconds ?? 0);
  const since = Date.now() / 1_000;
  worker.signal('SIGUSR2');
  await expect.poll(beatAt, { timeout: 20_000 }).toBeGreaterThan(since + LATE_SECONDS - 3);
  answer.release();
  await expectSettled(env, ref, { answer: 'one two three four', turns: 1 });
  await worker.kill();
});

test('gives up a loop that does not go on', async () => {
  const worker = await startStanding(3_600);
  env.model.script('gone', hold(say('un deux trois'), { afterChunks: 2 }).reply);
  const ref = await createRun(env, 'gone');
  await (await follow(env, ref)).sawText('un deux');
  worker.signal('SIGUSR2');
  const handle = env.temporal.workflow.getHandle(ref.runId);
  const tries = async () => (await handle.describe()).raw.pendingActivities?.[0]?.attempt;
  await expect.poll(tries, { timeout: 50_000 }).toBeGreaterThan(1);
});

function startStanding(seconds: number): Promise<OwnProcess> {
  const program = encodeURIComponent(stands(seconds));
  return env.startWorker({
    settings: { NODE_OPTIONS: `--import "data:text/javascript,${program}"` },
  });
}
