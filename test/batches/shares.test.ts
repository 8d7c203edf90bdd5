/** How batches share with others: the runs of their project, and the slots of other projects. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';
import { questions, submit, untilStatus } from './support.ts';

const SLOTS = 2;
const LARGE = 40;
const SMALL = 5;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ config: { batchSlots: SLOTS } });
});
afterAll(() => env[Symbol.asyncDispose]());

const textsOf = (count: number) => Array.from({ length: count }, (_, n) => `Question ${n}`);

/** Runs of the batch whose turns wait for a slot or have one. */
async function untilAsked(id: string, count: number): Promise<void> {
  await eventually(async () => {
    const { rows } = await env.pool.query<{ id: string }>(
      'select id from runs where batch_id = $1',
      [id],
    );
    expect(rows).toHaveLength(count);
    for (const run of rows) {
      const { raw } = await env.temporal.workflow.getHandle(run.id).describe();
      expect(raw.pendingActivities).toHaveLength(1);
    }
  });
}

test('lines take the runs at once that their project leaves, and none fails of it', async () => {
  const model = `m-${randomUUID()}`;
  const held = [hold(text('Yes.'), { afterChunks: 0 }), hold(text('Yes.'), { afterChunks: 0 })];
  env.model.script(model, ...held.map(({ reply }) => reply), ...Array(5).fill(text('Yes.')));
  const client = await env.otherClient();
  const { id: assistant } = await client.beta.assistants.create({ model });
  await env.pool.query(
    `update projects set limits = '{"runs_at_once": 2}' where id = (select project_id from assistants where id = $1)`,
    [assistant],
  );
  const { id } = await submit(client, questions(assistant, textsOf(6)), { window: 6 });
  await Promise.all(held.map(({ reached }) => reached));
  await env.temporal.workflow.getHandle(id).signal('wake');
  await eventually(async () => {
    const { events } = await env.temporal.workflow.getHandle(id).fetchHistory();
    expect(events!.at(-1)!.timerStartedEventAttributes).toBeTruthy();
  });
  const { rows } = await env.pool.query('select from runs where batch_id = $1', [id]);
  expect(rows).toHaveLength(2);
  // A request of its own is not refused because of them.
  const run = await client.beta.threads.createAndRun({
    assistant_id: assistant,
    thread: { messages: [{ role: 'user', content: 'Now?' }] },
  });
  expect(run.status).toBe('queued');
  for (const one of held) one.release();
  const batch = await untilStatus(client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 6, completed: 6, failed: 0 });
});

test('a few lines of one project do not wait behind many of another', async () => {
  const [large, small] = [`m-${randomUUID()}`, `m-${randomUUID()}`];
  const held = Array.from({ length: SLOTS }, () => hold(text('Yes.'), { afterChunks: 0 }));
  const rest = Array.from({ length: LARGE - SLOTS }, () => text('Yes.'));
  env.model.script(large, ...held.map(({ reply }) => reply), ...rest);
  env.model.script(small, ...Array.from({ length: SMALL }, () => text('Yes.')));
  const first = await env.client.beta.assistants.create({ model: large });
  const many = await submit(env.client, questions(first.id, textsOf(LARGE)), { window: LARGE });
  await Promise.all(held.map(({ reached }) => reached));
  await untilAsked(many.id, LARGE);
  const other = await env.otherClient();
  const second = await other.beta.assistants.create({ model: small });
  const few = await submit(other, questions(second.id, textsOf(SMALL)));
  await untilAsked(few.id, SMALL);
  for (const one of held) one.release();
  await untilStatus(other, few.id, 'completed');
  await untilStatus(env.client, many.id, 'completed');
  const order = env.model.requests().map(({ model }) => model);
  const before = order.slice(0, order.lastIndexOf(small)).filter((model) => model === large);
  // Alternating, after those that had the slots; a queue without shares would start all of the many first.
  expect(before.length).toBeLessThanOrEqual(SLOTS + 2 * SMALL);
});
