/** Every operation with every scope, from the table of operations. */
import { randomUUID } from 'node:crypto';

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { OPERATIONS } from '../../api/operations/index.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { mintId } from '../../wire/ids.ts';
import type { IdKind } from '../../wire/ids.ts';
import type { Scope } from '../../wire/admin/scopes.ts';
import { DEFAULT_SCOPES, SCOPES } from '../../wire/admin/scopes.ts';
import { Environment } from '../support/environment.ts';

let env: Environment;
const keys = new Map<Scope, string>();
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { logLevel: 'silent' } });
  for (const scope of SCOPES) keys.set(scope, await keyWith([scope]));
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

function keyWith(scopes: readonly Scope[]): Promise<string> {
  return createApiKey(env.pool, { projectName: randomUUID(), name: 'test', scopes });
}

const KINDS: Record<string, IdKind> = {
  step_id: 'run_step',
  batch_id: 'vector_store_file_batch',
  key_id: 'api_key',
  delivery_id: 'webhook_delivery',
};

/** A path to objects that do not exist. */
const pathOf = (path: string) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === 'model' ? 'none' : mintId(KINDS[name] ?? (name.replace(/_id$/, '') as IdKind)),
  );

async function answerOf(method: string, path: string, scope: Scope): Promise<string> {
  const response = await env.fetch(`/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${keys.get(scope)}` },
    ...(method === 'post' ? { body: '{}' } : {}),
  });
  const text = await response.text();
  return /Missing scopes: \w+/.exec(text)?.[0].concat(` ${response.status}`) ?? 'open';
}

const ROUTES = [
  ...OPERATIONS.map(({ method, path, scope }) => ({ method, path, scope })),
  ...['chat/completions', 'embeddings', 'responses', 'audio/speech', 'images/edits'].map(
    (path) => ({ method: 'post', path: `/${path}`, scope: 'run' as const }),
  ),
  { method: 'get', path: '/responses/resp_1', scope: 'read' as const },
  { method: 'get', path: '/responses/resp_1/input_items', scope: 'read' as const },
  { method: 'post', path: '/responses/resp_1/cancel', scope: 'run' as const },
  { method: 'delete', path: '/responses/resp_1', scope: 'run' as const },
];

test.each(SCOPES)('a key with the scope %s opens its operations and no others', async (scope) => {
  for (const route of ROUTES) {
    const expected = route.scope === scope ? 'open' : `Missing scopes: ${route.scope} 403`;
    const name = `${route.method} ${route.path}`;
    expect([name, await answerOf(route.method, pathOf(route.path), scope)]).toEqual([
      name,
      expected,
    ]);
  }
});

test('the scope of an operation follows from its method and path', () => {
  const scopes = Object.fromEntries(OPERATIONS.map(({ id, scope }) => [id, scope]));
  expect(scopes).toMatchObject({
    listAssistants: 'read',
    downloadFile: 'read',
    streamRunEvents: 'read',
    searchVectorStore: 'read',
    createRun: 'run',
    deleteThread: 'run',
    createVectorStoreFile: 'run',
    createFile: 'files',
    deleteFile: 'files',
    completeUpload: 'files',
  });
  const admin = OPERATIONS.filter(({ scope }) => scope === 'admin');
  for (const { path } of admin) expect(path).toMatch(/^\/threadmill\//);
});

test('the official client says what a key may not do, and a key without named scopes is not an administrator', async () => {
  const reader = env.clientFor(keys.get('read')!);
  expect((await reader.beta.assistants.list()).data).toEqual([]);
  const refusal = await reader.beta.threads.create().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(OpenAI.PermissionDeniedError);
  expect(refusal).toMatchObject({ status: 403, type: 'invalid_request_error', code: null });
  expect((refusal as Error).message).toContain('Missing scopes: run. Check that you have');
  const { rows } = await env.pool.query('select scopes from api_keys where name = $1', ['test']);
  expect(rows).toContainEqual({ scopes: [...DEFAULT_SCOPES] });
});
