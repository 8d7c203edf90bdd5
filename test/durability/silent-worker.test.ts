/**
 * A worker that falls silent with its connections open: the server goes on handing tasks to its polls until they end,
 * after up to a minute. Most of this file's time is that wait.
 */
import { expect, test } from 'vitest';

import { createRun, expectSettled, follow, say } from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

test('costs a run nothing but time', { timeout: 200_000 }, async () => {
  await using env = await ProcessEnvironment.start();
  await env.serveApi();
  const silent = await env.startWorker();
  const first = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script('silent', first.reply, say('A second answer.'));
  const ref = await createRun(env, 'silent');
  const reader = await follow(env, ref);
  await reader.sawText('one two');
  silent.signal('SIGSTOP');
  await env.startWorker({ direct: true });
  const workflow = env.temporal.workflow.getHandle(ref.runId);
  const status = async () => (await workflow.describe()).status.name;
  await expect.poll(status, { timeout: 180_000, interval: 500 }).not.toBe('RUNNING');
  await expectSettled(env, ref, {
    answer: 'A second answer.',
    cutOff: ['one two'],
    turns: 1,
    modelCalls: 2,
  });
});
