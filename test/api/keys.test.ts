/** Projects and keys as an administrator manages them, with the official client. */
import { randomUUID } from 'node:crypto';

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import type { CreatedKey, Project, ProjectKey } from '../../wire/admin/answers.ts';
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

/** What the client was told, or undefined when its request succeeded. */
const errorOf = (request: Promise<unknown>) =>
  request.then(
    () => undefined,
    ({ status, error }: InstanceType<typeof OpenAI.APIError>) => ({ status, error }),
  );
const newProject = (name: string = randomUUID()) =>
  admin.post<Project>('/threadmill/projects', { body: { name } });
const newKey = (project: Project, body: object) =>
  admin.post<CreatedKey>(`/threadmill/projects/${project.id}/keys`, { body });
const keysOf = async (project: Project) =>
  (await admin.get<ListEnvelope<ProjectKey>>(`/threadmill/projects/${project.id}/keys`)).data;
const rotate = (id: string, body: object = {}) =>
  admin.post<CreatedKey>(`/threadmill/keys/${id}/rotate`, { body });

test('an administrator makes projects, whose names are their own, and lists them', async () => {
  const project = await newProject('shop');
  expect(project).toEqual({
    id: expect.stringMatching(/^proj_[0-9A-Za-z]{24}$/),
    object: 'organization.project',
    limits: {},
    name: 'shop',
    created_at: expect.any(Number),
    archived_at: null,
    status: 'active',
  });
  expect(await admin.get(`/threadmill/projects/${project.id}`)).toEqual(project);
  const list = await admin.get<ListEnvelope<Project>>('/threadmill/projects?limit=1');
  expect(list).toMatchObject({ data: [project], has_more: true });
  expect(list.data).toEqual([project]);
  expect(
    await admin.get(`/threadmill/projects?order=asc&before=${project.id}&limit=1`),
  ).toMatchObject({ data: [{ name: 'operators' }], has_more: true });
  expect(await errorOf(newProject('shop'))).toMatchObject({
    status: 400,
    error: { message: "A project with the name 'shop' exists.", param: 'name' },
  });
  expect(await errorOf(newProject(' '))).toMatchObject({ status: 400 });
  const unknown = project.id.replace(/.{4}$/, '0000');
  for (const path of [unknown, `${unknown}/keys`]) {
    expect(await errorOf(admin.get(`/threadmill/projects/${path}`))).toMatchObject({
      status: 404,
      error: { message: `No project found with id '${unknown}'.` },
    });
  }
});

test('a key is shown in the answer that creates it and never again', async () => {
  const project = await newProject();
  const { value, ...key } = await newKey(project, { name: 'laptop', scopes: ['read'] });
  expect(value).toMatch(/^sk-[\w-]{43}$/);
  expect(key).toEqual({
    id: expect.stringMatching(/^key_/),
    object: 'organization.project.api_key',
    project_id: project.id,
    name: 'laptop',
    redacted_value: `…${value.slice(-4)}`,
    scopes: ['read'],
    created_at: expect.any(Number),
    last_used_at: null,
    expires_at: null,
    revoked_at: null,
    limits: {},
  });
  expect(await keysOf(project)).toEqual([key]);
  const headers = { 'idempotency-key': 'once' };
  const path = `/threadmill/projects/${project.id}/keys`;
  const [first, second] = [
    await admin.post<CreatedKey>(path, { body: { name: 'a' }, headers }),
    await admin.post<CreatedKey>(path, { body: { name: 'a' }, headers }),
  ];
  expect(first!.id).not.toBe(second!.id);
  expect(first!.scopes).toEqual(['read', 'run', 'files']);
  const { rows } = await env.pool.query<{ kept: number }>(
    'select count(*)::int as kept from idempotency_keys',
  );
  expect(rows).toEqual([{ kept: 0 }]);
});

test('a key works until it expires, and then is answered as an unknown key', async () => {
  const project = await newProject();
  const { value, expires_at, created_at } = await newKey(project, {
    name: 'short',
    expires_in_seconds: 2,
  });
  expect(expires_at).toBe(created_at + 2);
  const client = env.clientFor(value);
  expect((await client.models.list()).object).toBe('list');
  await expect
    .poll(() => errorOf(client.models.list()), { timeout: 5_000 })
    .toMatchObject({
      status: 401,
      error: { code: 'invalid_api_key' },
    });
  expect(Date.now() / 1_000).toBeGreaterThanOrEqual(expires_at!);
});

test('rotation makes a key with the same name, scopes and lifetime, and both work during the overlap', async () => {
  const project = await newProject();
  const grant = { name: 'backend', scopes: ['read', 'files'], expires_in_seconds: 1_000 };
  const former = await newKey(project, grant);
  const next = await rotate(former.id, { overlap_seconds: 600 });
  expect(next).toMatchObject({
    name: 'backend',
    scopes: ['read', 'files'],
    project_id: project.id,
  });
  expect(next.expires_at! - next.created_at).toBe(1_000);
  const [, kept] = await keysOf(project);
  expect(kept!.id).toBe(former.id);
  expect(kept!.expires_at! - next.created_at).toBe(600);
  for (const { value } of [former, next]) await env.clientFor(value).models.list();
  expect(await errorOf(rotate(former.id))).toMatchObject({
    status: 404,
    error: { message: `No API key found with id '${former.id}'.` },
  });
  const gone = await newKey(project, { name: 'gone' });
  await rotate(gone.id, { overlap_seconds: 0 });
  expect(await errorOf(env.clientFor(gone.value).models.list())).toMatchObject({ status: 401 });
});

test('a key is revoked once', async () => {
  const key = await newKey(await newProject(), { name: 'lost' });
  expect(await admin.delete(`/threadmill/keys/${key.id}`)).toEqual({
    id: key.id,
    object: 'organization.project.api_key.deleted',
    deleted: true,
  });
  expect(await errorOf(env.clientFor(key.value).models.list())).toMatchObject({ status: 401 });
  expect(await errorOf(admin.delete(`/threadmill/keys/${key.id}`))).toMatchObject({ status: 404 });
});

test('the last use of a key is written at most once a minute', async () => {
  const project = await newProject();
  const { value } = await newKey(project, { name: 'used' });
  const client = env.clientFor(value);
  const lastUse = async () => (await keysOf(project))[0]!.last_used_at;
  await client.models.list();
  await expect.poll(lastUse).toBeTypeOf('number');
  const set = (ago: number) =>
    env.pool.query('update api_keys set last_used_at = unix_now() - $2 where project_id = $1', [
      project.id,
      ago,
    ]);
  await set(50);
  const before = await lastUse();
  const second = await env.startApi();
  try {
    await env.clientFor(value, second).models.list();
    expect(await lastUse()).toBe(before);
    await set(61);
    await expect
      .poll(
        async () => {
          await env.clientFor(value, second).models.list();
          return (await lastUse())! > before!;
        },
        { timeout: 5_000 },
      )
      .toBe(true);
  } finally {
    await second.close();
  }
});

test('only an administrator manages projects and keys', async () => {
  const project = await newProject();
  for (const path of [
    '/threadmill/projects',
    `/threadmill/projects/${project.id}/keys`,
    '/threadmill/audit',
  ]) {
    await expect(env.client.get(path)).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  }
  await expect(
    env.client.post(`/threadmill/projects/${project.id}/keys`, {
      body: { name: 'x', scopes: ['admin'] },
    }),
  ).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  expect(await keysOf(project)).toEqual([]);
});
