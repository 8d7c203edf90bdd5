/** npm run keys and npm run migrate, as an operator runs them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import OpenAI from 'openai';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import type { ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { addModelUsage } from '../../db/projects/model-usage.ts';
import { countRequests, sumUsage } from '../../db/projects/usage.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { adminUrlOf, Environment, cloneDatabase, dropDatabase } from '../support/environment.ts';
import { runToEnd } from './support.ts';
import type { Outcome } from './support.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

function run(program: 'keys' | 'migrate', args: string[], variables = {}): Promise<Outcome> {
  const script = `bin/${program}.ts`;
  return runToEnd('bin/with-node.mjs', [script, ...args], { env: variables });
}

function keys(...args: string[]): Promise<Outcome> {
  return run('keys', args, { DATABASE_URL: env.databaseUrl });
}

/** Runs a program that must fail; returns the one sentence it says. */
async function sentence(...given: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...given);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^[^\n]+\.\n$/);
  return stderr.trimEnd();
}

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-keys-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('a created key opens its own project at once, is listed without itself, and ends when revoked', async () => {
  const { code, stdout, stderr } = await keys('create', '--project', 'shop', '--name', 'laptop');
  expect(code).toBe(0);
  expect(stderr).toBe("A key for the project 'shop'. It is shown only this once:\n");
  expect(stdout).toMatch(/^sk-[\w-]{43}\n$/);
  const key = stdout.trim();
  const assistant = await env.client.beta.assistants.create({ model: 'm' });
  await expect(env.clientFor(key).beta.assistants.retrieve(assistant.id)).rejects.toThrow(
    OpenAI.NotFoundError,
  );

  const list = (await keys('list')).stdout.split('\n');
  expect(list[0]).toMatch(/^ID +PROJECT +NAME +KEY +SCOPES +CREATED +LAST USED +EXPIRES +REVOKED$/);
  const row = list.find((line) => line.includes('laptop'))!;
  expect(row).toMatch(
    /^key_\S+ +shop +laptop +…\S{4} +read,run,files +\d{4}-\d\d-\d\d(  \S{10})?$/,
  );
  expect(row).not.toContain(key.slice(0, -4));

  const id = row.split(' ')[0]!;
  expect(await keys('revoke', id)).toEqual({ code: 0, stdout: `Revoked ${id}.\n`, stderr: '' });
  expect((await keys('list')).stdout).toMatch(
    / laptop +…\S{4} +read,run,files +\S{10}  \S{10} +\d{4}-\d\d-\d\d$/m,
  );
  const isRefused = () =>
    env
      .clientFor(key)
      .beta.assistants.list()
      .catch((error: unknown) => error);
  await expect.poll(isRefused).toBeInstanceOf(OpenAI.AuthenticationError);
  expect(await sentence('keys', ['revoke', id], { DATABASE_URL: env.databaseUrl })).toBe(
    `No key that can be changed has the id '${id}': npm run keys -- list shows them.`,
  );
});

test('a rotated key has a successor with its name and scopes, and ends after the overlap', async () => {
  const { stdout } = await keys(
    'create',
    '--name',
    'turning',
    '--scopes',
    'run, read',
    '--expires',
    '90d',
  );
  const row = (await keys('list')).stdout.split('\n').find((line) => line.includes('turning'))!;
  expect(row).toMatch(/^key_\S+ +default +turning +\S+ +read,run +\S{10} +\S{10}$/);
  const id = row.split(' ')[0]!;
  const rotated = await keys('rotate', id, '--overlap', '0s');
  expect(rotated.stderr).toContain(`in place of ${id}, which works for 0s more`);
  const statusOf = (key: string) =>
    env.fetch('/v1/models', { headers: { authorization: `Bearer ${key.trim()}` } });
  expect((await statusOf(stdout)).status).toBe(401);
  expect((await statusOf(rotated.stdout)).status).toBe(200);
  const rows = (await keys('list')).stdout.split('\n').filter((line) => line.includes('turning'));
  expect(rows.map((line) => line.split(/ +/)[4])).toEqual(['read,run', 'read,run']);
  const { rows: events } = await env.pool.query(
    `select type, actor from audit_events where resource_id = $1 order by id`,
    [id],
  );
  const actor = expect.stringMatching(/^cli:\S+$/);
  expect(events).toEqual([
    { type: 'api_key.created', actor },
    { type: 'api_key.rotated', actor },
  ]);
  expect(await sentence('keys', ['rotate', id], { DATABASE_URL: env.databaseUrl })).toContain(
    'No key that can be changed has the id',
  );
});

test('a key without names belongs to the project of npm start', async () => {
  const { stderr } = await keys('create');
  expect(stderr).toContain("project 'default'");
  expect((await keys('list')).stdout).toMatch(/ default +default +…/);
});

test('limits sets, shows and resets the limits of a project and of a key', async () => {
  const { rows } = await env.pool.query<{ project: string; key: string }>(
    'select project_id as project, id as key from api_keys limit 1',
  );
  for (const id of Object.values(rows[0]!)) {
    const limits = async (...changes: string[]) =>
      JSON.parse((await keys('limits', id, ...changes)).stdout) as unknown;
    expect(await limits('runs_at_once=5', 'tokens_per_minute=0')).toEqual({
      runs_at_once: 5,
      tokens_per_minute: 0,
    });
    expect(await limits('runs_at_once=default')).toEqual({ tokens_per_minute: 0 });
    expect(await limits('tokens_per_minute=default')).toEqual({});
    const { rows: events } = await env.pool.query(
      `select project_id from audit_events where type = 'limits.updated' and resource_id = $1`,
      [id],
    );
    expect(events).toEqual([1, 2, 3].map(() => ({ project_id: rows[0]!.project })));
  }
  for (const change of [
    'runs=5',
    'runs_at_once=-1',
    'runs_at_once=many',
    'runs_at_once=',
    'budget_usd=5',
  ]) {
    expect((await keys('limits', rows[0]!.key, change)).stderr).toContain(
      'Expected <limit>=<number>',
    );
  }
  expect((await keys('limits', 'key_none')).stderr).toContain(
    "No project or key has the id 'key_none'",
  );
});

test('usage shows what each project used, by day, and what of it passed to model servers', async () => {
  await createApiKey(env.pool, { projectName: 'used', name: 'a' });
  expect((await keys('usage', '--project', 'used')).stdout).toBe('No usage.\n');
  const { rows } = await env.pool.query<{ id: ProjectId }>(
    `select id from projects where name = 'used'`,
  );
  const tokens = { promptTokens: 5, completionTokens: 2, totalTokens: 7 };
  const request = {
    projectId: rows[0]!.id,
    keyId: mintId('api_key'),
    model: 'm',
    endpoint: 'chat/completions',
    ...tokens,
  };
  await addModelUsage(env.pool, { ...request, estimated: false });
  await addModelUsage(env.pool, { ...request, estimated: true });
  const day = new Date().toISOString().slice(0, 10);
  const cell = { project: request.projectId, key: request.keyId, requests: 3 };
  await countRequests(env.pool, [cell]);
  await sumUsage(env.pool);
  const { stdout } = await keys('usage', '--project', 'used', '--days', '2');
  const [usedHead, used, blank, head, row] = stdout.split('\n');
  expect(usedHead).toMatch(
    /^DAY +PROJECT +REQUESTS +RUNS +PROMPT_TOKENS +CACHED_TOKENS +COMPLETION_TOKENS +REASONING_TOKENS +COST_USD +STORED_BYTES +SANDBOX_SECONDS$/,
  );
  expect(used).toMatch(new RegExp(`^${day} +used +3 +0 +10 +0 +4 +0 +0 +\\d+ +0$`));
  expect(blank).toBe('');
  expect(head).toMatch(
    /^DAY +PROJECT +MODEL +ENDPOINT +REQUESTS +ESTIMATED +PROMPT_TOKENS +COMPLETION_TOKENS +TOTAL_TOKENS$/,
  );
  expect(row).toMatch(new RegExp(`^${day} +used +m +chat/completions +2 +1 +10 +4 +14$`));
  expect(
    await sentence('keys', ['usage', '--project', 'other'], { DATABASE_URL: env.databaseUrl }),
  ).toBe("No project has the name 'other'.");
  expect(await sentence('keys', ['usage', '--days', '0'])).toBe(
    '--days must be a whole number of at least 1.',
  );
});

test('the database of a running npm start is found through its data directory', async () => {
  const dataDir = await temporaryDirectory();
  await using servers = new AsyncDisposableStack();
  const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
  servers.defer(() => server.stop());
  const { stdout } = await run('migrate', ['--data-dir', dataDir]);
  expect(stdout).toMatch(/^Applied 000001\.sql/);
  const variables = { THREADMILL_DATA_DIR: dataDir };
  expect((await run('keys', ['create'], variables)).stdout).toMatch(/^sk-/);
  await server.stop();
  expect(await sentence('keys', ['list'], variables)).toMatch(/^No database runs on /);
});

test('migrate applies what is missing once', async () => {
  const url = await cloneDatabase();
  onTestFinished(() => dropDatabase(url));
  const client = new pg.Client({ connectionString: adminUrlOf(url) });
  await client.connect();
  await client.query('drop schema public cascade; create schema public');
  await client.end();
  const variables = { DATABASE_URL: url, DATABASE_OWNER_URL: adminUrlOf(url) };
  expect(await sentence('keys', ['list'], variables)).toBe(
    'The database lacks tables of this version of Threadmill: run npm run migrate first.',
  );
  expect((await run('migrate', [], variables)).stdout).toMatch(/^Applied 000001\.sql.*\.\n$/);
  expect((await run('migrate', [], variables)).stdout).toBe('Nothing to apply.\n');
  // As a role that migrate gave its rights.
  expect((await run('keys', ['create'], { DATABASE_URL: url })).code).toBe(0);
});

test('failures are one sentence with the remedy', { timeout: 180_000 }, async () => {
  const dataDir = await temporaryDirectory();
  const usage = 'npm run keys -- --help shows the usage.';
  expect(await sentence('keys', ['list', '--data-dir', dataDir])).toBe(
    `No database runs on ${dataDir}: start one with npm start, name another with --data-dir, or set DATABASE_URL.`,
  );
  expect(await sentence('keys', ['list'], { DATABASE_URL: 'mysql://x' })).toBe(
    'DATABASE_URL must look like postgres://user:password@host:5432/database.',
  );
  const wrong = new URL(env.databaseUrl);
  wrong.password = 'wrong';
  expect(await sentence('migrate', [], { DATABASE_URL: wrong.href })).toMatch(
    /^DATABASE_URL cannot be used \(password authentication failed .*\): correct its host, port, user, password or database\.$/,
  );
  for (const args of [[], ['make'], ['revoke'], ['list', 'all']]) {
    expect(await sentence('keys', args)).toBe(
      `Expected create, list, rotate <id>, revoke <id>, limits <id> or usage; ${usage}`,
    );
  }
  expect(await sentence('keys', ['create', '--nmae', 'x'])).toBe(
    `Unknown option '--nmae'; ${usage}`,
  );
  expect(await sentence('keys', ['create', '--project', ' '])).toBe('--project must not be empty.');
  for (const scopes of ['', 'read,write']) {
    expect(await sentence('keys', ['create', '--scopes', scopes])).toBe(
      '--scopes must name some of read, run, files, admin, with commas between them.',
    );
  }
  expect(await sentence('keys', ['rotate', 'key_1', '--overlap', '1 week'])).toBe(
    '--overlap must be a number with s, m, h or d behind it, such as 12h.',
  );
});

test('--help needs no database', async () => {
  expect((await run('keys', ['--help'])).stdout).toContain('revoke <id>');
  expect((await run('migrate', ['--help'])).stdout).toContain('Safe to repeat');
});
