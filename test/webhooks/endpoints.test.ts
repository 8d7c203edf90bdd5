/** Endpoints, through the official client. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { EVENT_TYPES } from '../../wire/webhooks.ts';
import { Environment } from '../support/environment.ts';
import { createEndpoint, errorOf, Receiver } from './receiver.ts';

let env: Environment;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
  env = await Environment.start({ worker: false, config: { webhookPrivateAddresses: true } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

test('the secret is shown when the endpoint is made and when it is rotated, and nowhere else', async () => {
  const { webhooks } = env.client;
  const { signing_secret, ...made } = await createEndpoint(env.client, receiver.url, [
    'batch.completed',
    'thread.run.completed',
  ]);
  expect(signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(made).toEqual({
    id: expect.stringMatching(/^whe_/) as string,
    object: 'webhook_endpoint',
    created_at: expect.any(Number) as number,
    updated_at: made.created_at,
    name: 'a receiver',
    url: receiver.url,
    event_types: ['batch.completed', 'thread.run.completed'],
    signing_secret_hint: `whsec_...${signing_secret.slice(-4)}`,
    status: 'enabled',
  });
  expect(await webhooks.retrieve(made.id)).toEqual(made);
  const listed = [];
  for await (const endpoint of webhooks.list({ limit: 1 })) listed.push(endpoint);
  expect(listed).toEqual([made]);

  const rotated = await webhooks.rotateSecret(made.id);
  expect(rotated.signing_secret).not.toBe(signing_secret);
  const changed = await webhooks.update(made.id, { name: 'renamed' });
  expect(changed).toMatchObject({ name: 'renamed', url: receiver.url });
  expect(changed).not.toHaveProperty('signing_secret');

  const audit = await env.pool.query<{ type: string }>(
    'select type, to_json(a)::text as text from audit_events a where resource_id = $1 order by id',
    [made.id],
  );
  expect(audit.rows.map(({ type }) => type)).toEqual([
    'webhook_endpoint.created',
    'webhook_endpoint.rotated',
    'webhook_endpoint.updated',
  ]);
  expect(JSON.stringify(audit.rows)).not.toContain('whsec_');

  const deleted = await webhooks.delete(made.id);
  expect(deleted).toEqual({ id: made.id, object: 'webhook_endpoint.deleted', deleted: true });
  expect(await errorOf(webhooks.retrieve(made.id))).toMatchObject({ status: 404 });
});

test('a test sends one signed event at once and says what the receiver answered', async () => {
  const { id, signing_secret } = await createEndpoint(env.client, receiver.url, ['file.deleted']);
  receiver.answer({ status: 418 });
  const result = await env.client.webhooks.test(id, { event_type: 'batch.completed' });
  expect(result).toEqual({
    object: 'webhook_endpoint.test',
    webhook_endpoint_id: id,
    event_type: 'batch.completed',
    status_code: 418,
    success: true,
  });
  const { body, headers } = receiver.received.at(-1)!;
  const event = await env.client.webhooks.unwrap(
    body,
    headers as Record<string, string>,
    signing_secret,
  );
  expect(event).toMatchObject({
    object: 'event',
    type: 'batch.completed',
    data: { id: 'batch_test' },
  });
  expect(headers['webhook-id']).toBe(event.id);
  const wrong = `whsec_${Buffer.alloc(32).toString('base64')}`;
  await expect(
    env.client.webhooks.unwrap(body, headers as Record<string, string>, wrong),
  ).rejects.toThrow(/signature/);
});

test('after a rotation that keeps the old secret, both verify', async () => {
  const { webhooks } = env.client;
  const { id, signing_secret } = await createEndpoint(env.client, receiver.url, ['file.deleted']);
  const rotated = await webhooks.rotateSecret(id, { keep_old_secret_active_for_24_hours: true });
  await webhooks.test(id, { event_type: 'batch.failed' });
  const { body, headers } = receiver.received.at(-1)!;
  for (const secret of [signing_secret, rotated.signing_secret]) {
    await webhooks.unwrap(body, headers as Record<string, string>, secret);
  }
});

test('a test that no receiver answers says why, without the URL', async () => {
  const gone = await Receiver.start();
  const { id } = await createEndpoint(env.client, `${gone.url}?token=hidden`, ['file.deleted']);
  await gone[Symbol.asyncDispose]();
  const error = await errorOf(env.client.webhooks.test(id, { event_type: 'batch.completed' }));
  expect(error).toMatchObject({ status: 400, code: 'webhook_test_failed' });
  expect(error.message).toContain('ECONNREFUSED');
  expect(error.message).not.toContain('hidden');
});

test('unknown events, a user in the URL and the twenty-first endpoint are refused', async () => {
  const client = await env.otherClient();
  const wrong = await errorOf(createEndpoint(client, receiver.url, ['response.completed']));
  expect(wrong).toMatchObject({ status: 400, param: 'event_types[0]' });
  expect(await errorOf(createEndpoint(client, receiver.url, []))).toMatchObject({ status: 400 });
  const withUser = await errorOf(
    createEndpoint(client, 'https://a:b@example.com', ['file.deleted']),
  );
  expect(withUser).toMatchObject({ status: 400, param: 'url' });
  // Also when they are made at once.
  const create = () => createEndpoint(client, receiver.url, ['file.deleted']);
  const made = await Promise.allSettled(Array.from({ length: 30 }, create));
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
  const tooMany = await errorOf(createEndpoint(client, receiver.url, ['file.deleted']));
  expect(tooMany).toMatchObject({ status: 400, code: 'too_many_webhook_endpoints' });
});

test('without the setting, private addresses and plain http are refused when endpoints are made', async () => {
  const strict = await Environment.start({ worker: false });
  await using _ = strict;
  for (const url of [
    receiver.url,
    'https://127.0.0.1/',
    'https://[fd00::1]/',
    'http://example.com/',
  ]) {
    const error = await errorOf(createEndpoint(strict.client, url, ['file.deleted']));
    expect(error).toMatchObject({ status: 400, param: 'url', code: 'invalid_value' });
  }
});

test('a key that may only read lists endpoints and makes none', async () => {
  const project = await env.pool.query<{ name: string }>(
    `select name from projects where name = 'test'`,
  );
  const key = await createApiKey(env.pool, {
    projectName: project.rows[0]!.name,
    name: 'reader',
    scopes: ['read'],
  });
  const reader = env.clientFor(key);
  await reader.webhooks.list();
  const error = await errorOf(createEndpoint(reader, receiver.url, ['file.deleted']));
  expect(error).toMatchObject({ status: 403 });
});

test('the event types are listed', async () => {
  const { data } = await env.client.webhooks.eventTypes.list();
  expect(data).toEqual(EVENT_TYPES);
});
