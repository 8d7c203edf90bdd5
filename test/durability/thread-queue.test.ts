/** SIGKILL of the worker and the API while runs wait for their thread: all run, in their order, one at a time. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { say } from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

let env: ProcessEnvironment;
beforeAll(async () => {
  env = await ProcessEnvironment.start();
}, 60_000);
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test(
  'no queued run is lost with the processes, and none overtakes another',
  { timeout: 120_000 },
  async () => {
    const [api, worker] = await Promise.all([env.startApi(), env.startWorker()]);
    const held = hold(say('Never told.'), { afterChunks: 0 });
    const answers = ['one', 'two', 'three', 'four'];
    env.model.script('m', held.reply, ...answers.map((answer) => say(answer)));
    const { assistants, threads } = env.client.beta;
    const { id: assistant_id } = await assistants.create({ model: 'm', instructions: 'Count.' });
    const { id } = await threads.create();
    const ids: string[] = [];
    for (const content of answers) {
      const body = {
        assistant_id,
        additional_messages: [{ role: 'user' as const, content: `${content}?` }],
        'x-threadmill': { on_active_run: 'queue' },
      };
      ids.push((await threads.runs.create(id, { ...body, stream: false })).id);
    }
    await held.reached;
    await Promise.all([api.kill(), worker.kill()]);
    await Promise.all([env.startApi(), env.startWorker()]);
    const list = async () => (await env.client.beta.threads.runs.list(id, { order: 'asc' })).data;
    await expect
      .poll(async () => (await list()).map(({ status }) => status), { timeout: 90_000 })
      .toEqual(answers.map(() => 'completed'));
    const runs = await list();
    expect(runs.map((run) => run.id)).toEqual(ids);
    for (const [at, run] of runs.entries()) {
      if (at > 0) expect(run.started_at!).toBeGreaterThanOrEqual(runs[at - 1]!.completed_at!);
    }
    const { data } = await env.client.beta.threads.messages.list(id, { order: 'asc' });
    const told = data.map(({ content: [part] }) => (part?.type === 'text' ? part.text.value : ''));
    expect(told).toEqual(answers.flatMap((answer) => [`${answer}?`, answer]));
  },
);
