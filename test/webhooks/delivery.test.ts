/** Events of runs, batches, files and stores reach the receivers that want them, once they are committed. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { submit } from '../batches/support.ts';
import {
  eventually,
  LOOKUP,
  callLookup,
  createRun,
  say,
  untilStatus,
} from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { createEndpoint, deliveriesOf, Receiver } from './receiver.ts';

let env: Environment;
const receivers: Receiver[] = [];
beforeAll(async () => {
  env = await Environment.start({ config: { webhookPrivateAddresses: true } });
});
afterAll(async () => {
  // First, so that no attempt waits for a silent one.
  for (const each of receivers) await each[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

async function receiver(): Promise<Receiver> {
  const started = await Receiver.start();
  receivers.push(started);
  return started;
}

const untilReceived = (from: Receiver, types: string[]) =>
  eventually(async () => expect(from.types.toSorted()).toEqual(types.toSorted()));

/** Of the receiver's endpoint, each in the state that it ends in. */
const untilDeliveries = (endpoint_id: string, states: object[]) =>
  eventually(async () => {
    const deliveries = await deliveriesOf(env.client, { endpoint_id });
    expect(deliveries).toMatchObject(states);
    return deliveries;
  });

test('a run that pauses and completes sends two events, which the official client verifies', async () => {
  const server = await receiver();
  const { id, signing_secret } = await createEndpoint(env.client, server.url, [
    'thread.run.requires_action',
    'thread.run.completed',
  ]);
  env.model.script('hooked', callLookup(), say('Found it.'));
  const run = await createRun(env, 'hooked', [LOOKUP]);
  await untilReceived(server, ['thread.run.requires_action']);
  const waiting = await untilStatus(env, run, 'requires_action');
  const calls = waiting.required_action!.submit_tool_outputs.tool_calls;
  await env.client.beta.threads.runs.submitToolOutputs(run.runId, {
    thread_id: run.threadId,
    tool_outputs: calls.map((call) => ({ tool_call_id: call.id, output: '42' })),
  });
  await untilReceived(server, ['thread.run.requires_action', 'thread.run.completed']);
  for (const { body, headers } of server.received) {
    const given = headers as Record<string, string>;
    const event = await env.client.webhooks.unwrap(body, given, signing_secret);
    expect(event).toEqual({
      id: given['webhook-id'],
      object: 'event',
      created_at: expect.any(Number) as number,
      type: expect.any(String) as string,
      data: {
        id: run.runId,
        thread_id: run.threadId,
        assistant_id: waiting.assistant_id,
      },
    });
  }
  const ended = { status: 'succeeded', attempts: 1, last_status_code: 204, next_attempt_at: null };
  await untilDeliveries(id, [ended, ended]);
});

test('files, files of stores, their batches and batches send theirs', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  await createEndpoint(client, server.url, [
    'file.processed',
    'file.deleted',
    'vector_store.file.completed',
    'vector_store.file.failed',
    'vector_store.files_batch.completed',
    'batch.failed',
  ]);
  const upload = (name: string, text: string) =>
    client.files.create({ file: new File([text], name), purpose: 'assistants' });
  const files = [await upload('a.txt', 'Sunny days.'), await upload('b.pdf', 'This is no PDF.')];
  const store = await client.vectorStores.create({});
  const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, {
    file_ids: files.map(({ id }) => id),
  });
  await submit(client, ['not a line']);
  await client.files.delete(files[0]!.id);
  await untilReceived(server, [
    'batch.failed',
    'file.deleted',
    'file.processed',
    'file.processed',
    'file.processed',
    'vector_store.file.completed',
    'vector_store.file.failed',
    'vector_store.files_batch.completed',
  ]);
  const ofBatch = server.received.find(({ body }) => body.includes('files_batch'))!;
  expect(JSON.parse(ofBatch.body)).toMatchObject({
    data: { id: batch.id, vector_store_id: store.id },
  });
  // The other project's endpoints have heard nothing of it.
  const others = await deliveriesOf(env.client);
  expect(others.filter(({ event_type }) => event_type.startsWith('file'))).toEqual([]);
});

test('a cancelled batch of files sends one event for all of its files', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  await createEndpoint(client, server.url, ['vector_store.files_batch.cancelled']);
  const files = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      client.files.create({ file: new File([name], `${name}.txt`), purpose: 'assistants' }),
    ),
  );
  const store = await client.vectorStores.create({});
  await env.pool.query(
    `insert into vector_store_file_batches (id, vector_store_id, project_id, created_at)
     select 'vsfb_cancelled', id, project_id, unix_now() from vector_stores where id = $1`,
    [store.id],
  );
  // Their ingests never start, so all three are in progress when the batch is cancelled.
  await env.pool.query(
    `insert into vector_store_files (vector_store_id, file_id, project_id, batch_id, created_at, status, attributes,
       max_chunk_tokens, chunk_overlap_tokens)
     select s.id, f.id, s.project_id, 'vsfb_cancelled', unix_now(), 'in_progress', '{}', 800, 400
     from vector_stores s join files f on f.project_id = s.project_id where s.id = $1`,
    [store.id],
  );
  expect(files).toHaveLength(3);
  await client.vectorStores.fileBatches.cancel('vsfb_cancelled', { vector_store_id: store.id });
  await untilReceived(server, ['vector_store.files_batch.cancelled']);
  expect(await deliveriesOf(client)).toHaveLength(1);
});

test('without an endpoint that wants the event, nothing is written', async () => {
  const client = await env.otherClient();
  await createEndpoint(client, 'http://127.0.0.1:1/', ['batch.completed']);
  await client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });
  expect(await deliveriesOf(client)).toEqual([]);
});

test('a receiver that fails three times gets the same event in the end', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  await createEndpoint(client, server.url, ['file.processed']);
  server.answer({ status: 500 }, { status: 302, headers: { location: '/' } }, { status: 404 });
  await client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });
  await eventually(async () => expect(server.received).toHaveLength(4));
  const ids = new Set(server.received.map(({ headers }) => headers['webhook-id']));
  expect(ids.size).toBe(1);
  expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
  await eventually(async () =>
    expect(await deliveriesOf(client)).toMatchObject([{ status: 'succeeded', attempts: 4 }]),
  );
});

test('Retry-After of a busy receiver puts the next attempt off', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  await createEndpoint(client, server.url, ['file.processed']);
  server.answer({ status: 429, headers: { 'retry-after': '3600' } });
  await client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });
  await eventually(async () => {
    const [delivery] = await deliveriesOf(client);
    expect(delivery).toMatchObject({ status: 'pending', attempts: 1, last_status_code: 429 });
    expect(delivery!.next_attempt_at! - delivery!.last_attempt_at!).toBeGreaterThan(3_590);
  });
});

test('410 ends the endpoint; its dead deliveries are listed, and replayed once it is enabled', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  const { id } = await createEndpoint(client, server.url, ['file.processed']);
  server.answer({ status: 410 });
  const upload = () =>
    client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });
  await upload();
  const [dead] = await eventually(async () => {
    const found = await deliveriesOf(client, { status: 'dead' });
    expect(found).toMatchObject([{ attempts: 1, last_status_code: 410, endpoint_id: id }]);
    return found;
  });
  expect(await client.webhooks.retrieve(id)).toMatchObject({ status: 'disabled' });
  await upload();
  const enabled = { status: 'enabled' } as object;
  await client.webhooks.update(id, enabled);
  const replay = `/threadmill/webhook_deliveries/${dead!.id}/replay`;
  expect(await client.post(replay)).toMatchObject({ id: dead!.id, status: 'pending', attempts: 0 });
  await eventually(async () =>
    // The second file's event was not kept while the endpoint was disabled.
    expect(await deliveriesOf(client)).toMatchObject([{ id: dead!.id, status: 'succeeded' }]),
  );
  const [first, second] = server.received.map(({ headers }) => headers['webhook-id']);
  expect(second).toBe(first);
  // One that succeeded can be sent once more.
  await client.post(replay);
  await eventually(async () => expect(server.received).toHaveLength(3));
});

test('what fails for three days is dead', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  await createEndpoint(client, server.url, ['file.processed']);
  server.standard = { status: 500 };
  await client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });
  await eventually(async () => expect(await deliveriesOf(client)).toMatchObject([{ attempts: 1 }]));
  const [{ id } = expect.unreachable()] = await deliveriesOf(client);
  const old = `update webhook_deliveries set round_began_at = clock_timestamp() - interval '3 days' where id = $1`;
  await env.pool.query(old, [id]);
  await eventually(async () =>
    expect(await deliveriesOf(client)).toMatchObject([{ status: 'dead', last_status_code: 500 }]),
  );
});

test('receivers that never answer leave slots for another', { timeout: 60_000 }, async () => {
  const [silent, quick] = [await receiver(), await receiver()];
  silent.standard = 'silence';
  const client = await env.otherClient();
  await createEndpoint(client, silent.url, ['file.processed']);
  const other = await env.otherClient();
  await createEndpoint(other, quick.url, ['file.processed']);
  const file = () => new File(['a'], 'a.txt');
  for (let n = 0; n < 60; n++) await client.files.create({ file: file(), purpose: 'assistants' });
  await eventually(async () => expect(silent.received.length).toBeGreaterThanOrEqual(30));
  await other.files.create({ file: file(), purpose: 'assistants' });
  await untilReceived(quick, ['file.processed']);
  expect(await deliveriesOf(client, { status: 'succeeded' })).toEqual([]);
});

test('a deleted endpoint gets nothing more', async () => {
  const server = await receiver();
  const client = await env.otherClient();
  const { id } = await createEndpoint(client, server.url, ['file.processed']);
  server.standard = { status: 500 };
  await client.files.create({ file: new File(['a'], 'a.txt'), purpose: 'assistants' });
  await eventually(async () => expect(await deliveriesOf(client)).toMatchObject([{ attempts: 1 }]));
  const [{ id: deliveryId } = expect.unreachable()] = await deliveriesOf(client);
  await client.webhooks.delete(id);
  expect(await deliveriesOf(client)).toEqual([]);
  const { length } = server.received;
  await env.temporal.workflow.getHandle(`${deliveryId}-1`).result();
  expect(server.received.length).toBeLessThanOrEqual(length + 1);
});
