/** An event that committed is delivered, whatever is killed. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { inWholeDatabase } from '../../db/core/row-scope.ts';
import { tidyDeliveries } from '../../db/webhooks/deliveries.ts';
import { eventually } from '../support/durable-run.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { createEndpoint, Receiver } from './receiver.ts';

vi.setConfig({ testTimeout: 120_000 });
const settings = { WEBHOOK_PRIVATE_ADDRESSES: 'true' };

let env: ProcessEnvironment;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
  env = await ProcessEnvironment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const upload = () =>
  env.client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });

async function deliveries() {
  const { rows } = await env.pool.query<{ id: string; status: string; attempts: number }>(
    'select id, status, attempts from webhook_deliveries order by seq',
  );
  return rows;
}

test('an event whose processes were killed after the commit is delivered', async () => {
  const api = await env.startApi(settings);
  await createEndpoint(env.client, receiver.url, ['file.processed']);
  await upload();
  await api.kill();
  expect(receiver.received).toEqual([]);
  const worker = await env.startWorker({ settings });
  await eventually(async () =>
    expect(await deliveries()).toMatchObject([{ status: 'succeeded', attempts: 1 }]),
  );
  expect(receiver.types).toEqual(['file.processed']);
  await worker.kill();
});

test('an event whose worker was killed in the middle of its delivery is sent again', async () => {
  await env.startApi(settings);
  const worker = await env.startWorker({ settings });
  receiver.answer('silence');
  await upload();
  await eventually(() => expect(receiver.received).toHaveLength(2));
  await worker.kill();
  await env.startWorker({ settings });
  await eventually(async () =>
    expect(await deliveries()).toMatchObject([{}, { status: 'succeeded', attempts: 1 }]),
  );
  const [, first, second] = receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(second).toBe(first);
});

test('a delivery that Temporal has lost is started again', async () => {
  receiver.answer({ status: 503, headers: { 'retry-after': '3600' } });
  await upload();
  const waiting = await eventually(async () => {
    const [, , third] = await deliveries();
    expect(third).toMatchObject({ status: 'pending', attempts: 1 });
    return third!;
  });
  await env.temporal.workflow.getHandle(`${waiting.id}-1`).terminate();
  const overdue = `update webhook_deliveries set next_at = clock_timestamp() - interval '1 hour' where id = $1`;
  await env.pool.query(overdue, [waiting.id]);
  await inWholeDatabase(() => tidyDeliveries(env.pool));
  await eventually(async () =>
    expect((await deliveries())[2]).toMatchObject({ status: 'succeeded', attempts: 2 }),
  );
});
