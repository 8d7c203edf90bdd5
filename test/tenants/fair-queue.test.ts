/** Runs of one project beside a queue of another's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { commandFor } from '../../embedded/temporal/launch.ts';
import type { Delivery } from '../../db/core/deliveries.ts';
import { createTurns } from '../../temporal/turns.ts';
import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';

const RUNS = 20;
/** Runs at once, and those that another project's run may wait for. */
const FLOOD = 60;
const NEXT = 20;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { workerActivitySlots: 2 } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

test('a run is one of the next, however many runs of another project wait', async () => {
  const other = await env.otherClient();
  for (const [client, model, count] of [
    [env.client, 'a', RUNS],
    [other, 'b', 1],
  ] as const) {
    env.model.script(model, ...Array.from({ length: count }, () => text('Hello.')));
    const assistant = await client.beta.assistants.create({ model });
    const thread = { messages: [{ role: 'user' as const, content: 'Hi' }] };
    for (let run = 0; run < count; run++) {
      await client.beta.threads.createAndRun({ assistant_id: assistant.id, thread });
    }
  }
  await expect.poll(() => countQueued()).toBe(RUNS + 1);
  await env.startWorker();
  await env.model.until((requests) => requests.length === RUNS + 1, 60_000);
  const place = env.model.requests().findIndex(({ model }) => model === 'b');
  // Temporal counts turns roughly, and tasks under way are not called back.
  expect(place).toBeLessThan(RUNS / 2);
});

test('a run asks its model among the next, while another project starts runs without end', async () => {
  const other = await env.otherClient();
  env.model.script('flood', ...Array.from({ length: FLOOD }, () => text('Hello.')));
  env.model.script('late', text('Hello.'));
  const run = async (client: typeof other, model: string) => {
    const { id } = await client.beta.assistants.create({ model });
    const thread = { messages: [{ role: 'user' as const, content: 'Hi' }] };
    await client.beta.threads.createAndRun({ assistant_id: id, thread });
  };
  const asked = (model: string) => env.model.requests(model).length;
  const flood = Array.from({ length: FLOOD }, () => run(env.client, 'flood'));
  await env.model.until(() => asked('flood') >= NEXT, 60_000);
  const before = asked('flood');
  await run(other, 'late');
  await env.model.until(() => asked('late') === 1, 60_000);
  const requests = env.model
    .requests()
    .filter(({ model }) => model === 'flood' || model === 'late');
  expect(requests.findIndex(({ model }) => model === 'late')).toBeLessThan(before + NEXT);
  await Promise.all(flood);
  await env.model.until(() => asked('flood') === FLOOD, 60_000);
});

test('a project has few starts under way at once, which those of another do not wait for', async () => {
  const inTurn = createTurns();
  const ends = Promise.withResolvers<void>();
  const begun: string[] = [];
  const start = (projectId: string) =>
    inTurn(deliveryOf({ kind: 'start', projectId }), 60_000, async () => {
      begun.push(projectId);
      await ends.promise;
    });
  const starts = Array.from({ length: 20 }, () => start('a'));
  await expect.poll(() => begun).toEqual(['a', 'a', 'a', 'a']);
  starts.push(start('b'));
  await expect.poll(() => begun).toEqual(['a', 'a', 'a', 'a', 'b']);
  // What runs already is not kept from its signals.
  await inTurn(deliveryOf({ kind: 'cancel' }), 60_000, async () => {});
  ends.resolve();
  await Promise.all(starts);
  expect(begun).toHaveLength(21);
});

test('a data directory of 0.1.0 keeps its file and its queues', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'threadmill-queues-'));
  const program = { path: 'temporal', version: '1', server: '1.29.1' };
  const options = { dataDir: directory, searchAttributes: {} };
  const command = () => commandFor({ program, directory, options }, { port: 1, uiPort: undefined });
  expect(command()).toContain('matching.enableFairness=true');
  expect(command()).toContain(join(directory, 'temporal-1.29.1-fair.db'));
  await writeFile(join(directory, 'temporal-1.29.1.db'), '');
  expect(command()).not.toContain('matching.enableFairness=true');
  expect(command()).toContain(join(directory, 'temporal-1.29.1.db'));
  await rm(directory, { recursive: true });
});

const deliveryOf = (payload: object) =>
  ({ id: 1, workflowId: 'w', payload }) as unknown as Delivery;

async function countQueued(): Promise<number> {
  const sent = await env.pool.query<{ count: number }>(
    `select (select count(*) from runs) - (select count(*) from deliveries) as count`,
  );
  return sent.rows[0]!.count;
}
