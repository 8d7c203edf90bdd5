/** npm run admin, as an operator runs it. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import { Environment } from '../support/environment.ts';
import { contentOf, settled, storeWith, upload } from '../support/stores.ts';
import { runToEnd } from './support.ts';

let env: Environment;
let key: string;
beforeAll(async () => {
  env = await Environment.start();
  key = await createApiKey(env.pool, { projectName: 'operators', name: 'admin', scopes: SCOPES });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const admin = (...args: string[]) =>
  runToEnd('bin/with-node.mjs', ['bin/admin.ts', ...args], {
    env: { OPENAI_BASE_URL: `${env.api.url}/v1`, OPENAI_API_KEY: key },
  });

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await admin(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

type Made = { id: string; limits: object };

/** Each command is a process of its own. */
const SLOW = { timeout: 180_000 };

test('a project gets a key and limits, and ends', SLOW, async () => {
  const project = await json<Made>('projects', 'create', '--name', 'shop');
  const made = await admin('keys', 'create', project.id, '--name', 'web', '--scopes', 'read,run');
  expect(made.stdout).toMatch(/^sk-[\w-]{43}\n$/);
  const list = (await admin('keys', 'list', project.id)).stdout.split('\n');
  expect(list[0]).toMatch(/^ID +NAME +REDACTED_VALUE +SCOPES +CREATED_AT/);
  expect(list[1]).toMatch(/^key_\S+ +web +…\S{4} +\["read","run"\]/);
  const limits = (...pairs: string[]) => json<Made>('projects', 'limits', project.id, ...pairs);
  expect((await limits('runs_at_once=5')).limits).toEqual({ runs_at_once: 5 });
  expect((await limits('runs_at_once=default')).limits).toEqual({});
  const id = list[1]!.split(' ')[0]!;
  const rotated = await admin('keys', 'rotate', id, '--overlap-seconds', '1h');
  expect(rotated.stdout).toMatch(/^sk-/);
  expect((await admin('keys', 'revoke', id)).stdout).toContain('true');
  const dry = await json('projects', 'delete', project.id, '--dry-run');
  expect(dry).toMatchObject({ deleted: false, content: { threads: 0 } });
  expect(await json('projects', 'delete', project.id)).toMatchObject({ deleted: true });
});

test('usage, runs and audit are tables, or JSON', async () => {
  expect(
    await json('usage', 'show', '--group-by', 'project_id', '--start-time', '2026-01-01'),
  ).toMatchObject({ object: 'page' });
  expect((await admin('runs', 'stuck', '--stuck-minutes', '5')).stdout).toBe('None.\n');
  expect((await admin('runs', 'list', '--status', 'failed', '--metadata', 'a=b')).stdout).toBe(
    'None.\n',
  );
  expect((await admin('audit', 'list', '--limit', '1')).stdout).toMatch(/^EFFECTIVE_AT +TYPE/);
  expect(await json('purge', 'show', '--thread-ttl-days', '9')).toMatchObject({
    thread_ttl_days: 9,
  });
});

test('old threads are counted, then deleted', async () => {
  const { beta } = env.clientFor(key);
  const old = await beta.threads.create();
  await env.pool.query('update threads set created_at = created_at - 100 where id = $1', [old.id]);
  const kept = await beta.threads.create();
  const purge = (...args: string[]) => admin('threads', 'purge', '--older-than', '50s', ...args);
  expect((await purge('--dry-run')).stdout).toBe('Would delete 1 threads.\n');
  const sinceDate = await admin('threads', 'purge', '--older-than', '2037-01-01', '--dry-run');
  expect(sinceDate.stdout).toBe('Would delete 2 threads.\n');
  expect((await purge()).stdout).toBe('Deleted 1 threads.\n');
  await expect(beta.threads.retrieve(old.id)).rejects.toThrow('No thread found');
  expect((await beta.threads.retrieve(kept.id)).id).toBe(kept.id);
});

test('a store is indexed anew with what its files had', async () => {
  const client = env.clientFor(key);
  const fileId = await upload(client, 'Herons wade.');
  const store = await storeWith(client, [fileId]);
  await client.vectorStores.files.update(fileId, { vector_store_id: store, attributes: { n: 1 } });
  expect((await admin('stores', 'reindex', store)).stdout).toContain(`1 files of ${store}`);
  expect(await settled(client, store, fileId)).toMatchObject({
    status: 'completed',
    attributes: { n: 1 },
  });
  expect(await contentOf(client, store, fileId)).toBe('Herons wade.');
});

test('what it does not understand is one sentence', async () => {
  const sentence = async (...args: string[]) => {
    const { code, stdout, stderr } = await admin(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    return stderr.trimEnd();
  };
  expect(await sentence('foo', 'bar')).toBe(
    "There is no command 'foo bar'; npm run admin -- --help shows them.",
  );
  expect(await sentence('projects', 'create', '--nmae', 'x')).toBe(
    "Unknown option '--nmae'; npm run admin -- projects create --help shows the arguments.",
  );
  for (const age of ['90', '0', '1e3', 'yesterday']) {
    expect(await sentence('threads', 'purge', '--older-than', age)).toBe(
      '--older-than must be a time such as 12h or 90d, or a date such as 2026-01-31.',
    );
  }
  expect(await sentence('runs', 'stuck', '--stuck-minutes', '0')).toContain('a value >= 1');
  expect(await sentence('keys', 'rotate')).toContain('Expected <key_id>');
  expect(await sentence('audit', 'list', '--limit', 'many')).toContain('limit must be a number');
  expect(await sentence('keys', 'revoke', 'key_none')).toContain(
    'The server refused this: No API key found',
  );
});
