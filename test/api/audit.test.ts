/** The audit log: each change of an administrator and each deletion has its event, in the transaction of the change. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toFile } from 'openai';
import type OpenAI from 'openai';

import { OPERATIONS } from '../../api/operations/index.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import type { AuditLog, CreatedKey, Project } from '../../wire/admin/answers.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import { Environment } from '../support/environment.ts';

let env: Environment;
let admin: OpenAI;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  const key = { projectName: 'operators', name: 'admin', scopes: SCOPES };
  admin = env.clientFor(await createApiKey(env.pool, key));
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const read = async (query = '') =>
  (await admin.get<ListEnvelope<AuditLog>>(`/threadmill/audit?order=asc&limit=100${query}`)).data;
const typesOf = async (query: string) => (await read(query)).map(({ type }) => type);
const idOfKey = async (name: string) =>
  (await env.pool.query<{ id: string }>('select id from api_keys where name = $1', [name])).rows[0]!
    .id;

test('every deletion and every change by an administrator names its event', () => {
  const changes = OPERATIONS.filter(
    ({ method, scope, id }) =>
      id !== 'deleteModel' && (method === 'delete' || (method !== 'get' && scope === 'admin')),
  );
  for (const one of changes) {
    expect([one.route, one.audit, 'write' in one]).toEqual([
      one.route,
      expect.stringMatching(/^[a-z_.]+\.[a-z]+ed$/),
      true,
    ]);
  }
  expect(OPERATIONS.flatMap(({ audit }) => audit ?? [])).toEqual(
    expect.arrayContaining([
      'assistant.deleted',
      'thread.deleted',
      'thread.message.deleted',
      'file.deleted',
      'vector_store.deleted',
      'vector_store.file.deleted',
      'project.created',
      'api_key.created',
      'api_key.rotated',
      'api_key.revoked',
    ]),
  );
});

test('deletions are recorded with their key, project and object, and without content', async () => {
  const { client } = env;
  const assistant = await client.beta.assistants.create({ model: 'm', name: 'secret words' });
  const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] });
  const [message] = (await client.beta.threads.messages.list(thread.id)).data;
  const file = await client.files.create({
    file: await toFile(Buffer.from('x'), 'secret.txt'),
    purpose: 'assistants',
  });
  const store = await client.vectorStores.create({ file_ids: [file.id] });
  await client.beta.threads.messages.delete(message!.id, { thread_id: thread.id });
  await client.beta.threads.delete(thread.id);
  await client.beta.assistants.delete(assistant.id);
  await client.vectorStores.files.delete(file.id, { vector_store_id: store.id });
  await client.files.delete(file.id);
  await client.vectorStores.delete(store.id);
  const key = await idOfKey('test');
  const events = await read(`&actor_id=${key}`);
  expect(events.map(({ type, resource_id }) => [type, resource_id])).toEqual([
    ['thread.message.deleted', message!.id],
    ['thread.deleted', thread.id],
    ['assistant.deleted', assistant.id],
    ['vector_store.file.deleted', file.id],
    ['file.deleted', file.id],
    ['vector_store.deleted', store.id],
  ]);
  expect(events[0]).toEqual({
    id: expect.stringMatching(/^audit_[0-9A-Za-z]{24}$/),
    object: 'organization.audit_log',
    type: 'thread.message.deleted',
    effective_at: expect.any(Number),
    actor: { type: 'api_key', api_key: { id: key } },
    project: { id: expect.stringMatching(/^proj_/) },
    resource_id: message!.id,
  });
  expect(await typesOf(`&resource_id=${file.id}&event_type=file.deleted`)).toEqual([
    'file.deleted',
  ]);
  expect(JSON.stringify(events)).not.toContain('secret');
});

test('changes of projects and keys are recorded, also those of a command', async () => {
  const headers = { 'idempotency-key': 'once' };
  const body = { name: 'audited' };
  const project = await admin.post<Project>('/threadmill/projects', { body, headers });
  await admin.post('/threadmill/projects', { body, headers });
  const path = `/threadmill/projects/${project.id}/keys`;
  const key = await admin.post<CreatedKey>(path, { body: { name: 'a' } });
  await admin.post(`/threadmill/keys/${key.id}`, { body: { limits: { runs_at_once: 2 } } });
  const next = await admin.post<CreatedKey>(`/threadmill/keys/${key.id}/rotate`, {
    body: {},
  });
  await admin.delete(`/threadmill/keys/${key.id}`);
  await createApiKey(env.pool, { projectName: 'audited', name: 'by command' });
  const events = await read(`&project_id=${project.id}`);
  const api = { type: 'api_key', api_key: { id: await idOfKey('admin') } };
  expect(events.map(({ type, actor, resource_id }) => [type, actor, resource_id])).toEqual([
    ['project.created', api, project.id],
    ['api_key.created', api, key.id],
    ['api_key.updated', api, key.id],
    ['api_key.rotated', api, key.id],
    ['api_key.revoked', api, key.id],
    ['api_key.created', { type: 'cli', user: expect.any(String) }, await idOfKey('by command')],
  ]);
  expect(JSON.stringify(events)).not.toMatch(new RegExp(`${key.value}|${next.value}`));
});

test('a change that fails has no event', async () => {
  const before = (await read()).length;
  await expect(env.client.beta.threads.delete('thread_none')).rejects.toMatchObject({
    status: 404,
  });
  await expect(admin.delete('/threadmill/keys/key_none')).rejects.toMatchObject({ status: 404 });
  expect(await read()).toHaveLength(before);
});

test('is read from one time to another', async () => {
  const [first, ...others] = await read();
  const text =
    'update audit_events set effective_at = effective_at - 86400 where id = $1 returning effective_at as at';
  const { at } = (await env.pool.query<{ at: number }>(text, [first!.id])).rows[0]!;
  const idsOf = async (query: string) => (await read(query)).map(({ id }) => id);
  expect(await idsOf(`&created_after=${at - 1}&created_before=${at + 1}`)).toEqual([first!.id]);
  expect(await idsOf(`&created_before=${at}`)).toEqual([]);
  expect(await idsOf(`&created_after=${at}`)).toEqual(others.map(({ id }) => id));
  const { type, project } = others.at(-1)!;
  const narrowed = await read(`&event_type=${type}&project_id=${project.id}&created_after=${at}`);
  expect(narrowed.at(-1)).toEqual(others.at(-1));
  await expect(read('&created_after=yesterday')).rejects.toMatchObject({
    status: 400,
    param: 'created_after',
  });
});
