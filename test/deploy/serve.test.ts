/**
 * docker-compose.yml without an engine: Temporal is prepared by the set-up script, the database by the migrations'
 * command, and the API, the worker and sandboxd run their commands with their environment. Only names of hosts and the port differ.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { Client, Connection } from '@temporalio/client';
import OpenAI from 'openai';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';

import { freePort } from '../../embedded/ports.ts';
import { findTemporal } from '../../embedded/temporal/program.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import { dropDatabase } from '../support/environment.ts';
import { OwnProcess } from '../support/processes.ts';
import type { Ours } from './compose-file.ts';
import { readCompose, ROOT, withSecretsIn } from './compose-file.ts';
import { appUrlOf } from '../support/global-setup.ts';

const run = promisify(execFile);
const namespace = `deploy-${randomUUID()}`;
const services = readCompose({ TEMPORAL_NAMESPACE: namespace });

const socket = join(tmpdir(), `threadmill-deploy-${randomUUID()}.sock`);

const folder = mkdtempSync(join(tmpdir(), 'threadmill-deploy-'));

let databaseUrl: string;
let port: number;
let path: string;

beforeAll(async () => {
  const temporal = await findTemporal({});
  path = `${dirname(temporal.path)}:${process.env.PATH}`;
  [databaseUrl, port] = await Promise.all([createEmptyDatabase(), freePort()]);
  await setUpNamespace();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await dropDatabase(databaseUrl);
});

test('can prepare the namespace again, and registers every search attribute', async () => {
  const { stdout } = await setUpNamespace();
  expect(stdout).toContain("Temporal's namespace is ready.");
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  await connection.close();
  expect(Object.keys(customAttributes ?? {})).toEqual(
    expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTE_TYPES)),
  );
});

test('refuses an unknown step of the set-up', async () => {
  const failed = await run('sh', ['deploy/temporal/setup.sh', 'all'], { cwd: ROOT }).catch(
    (error: { code: number; stderr: string }) => error,
  );
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage') as string });
});

test('is unhealthy while nothing runs', async () => {
  expect(await health('api')).toBe(1);
  expect(await health('worker')).toBe(1);
  expect(await health('sandboxd')).toBe(1);
});

test('migrates an empty database, and finds nothing to do the second time', async () => {
  const command = services.migrate!.command ?? [];
  expect(await runCommand('migrate', command)).toMatch(/^Applied 000001\.sql/);
  expect(await runCommand('migrate', command)).toBe('Nothing to apply.\n');
});

test('serves runs that an operator finds in Temporal, is healthy meanwhile, and stops on SIGTERM', async () => {
  await using sandboxd = start('sandboxd');
  await using worker = start('worker');
  await using api = start('api');
  await Promise.all([api.logged('The API is serving'), worker.logged('The worker is polling')]);
  // Temporal hears of the worker with its first poll, a moment after it says that it polls.
  await vi.waitFor(async () => expect(await health('worker')).toBe(0), 60_000);
  expect(await health('api')).toBe(0);

  const { ok } = (await worker.logged('The worker is polling'))['sandbox'] as { ok: boolean };
  expect(await health('sandboxd')).toBe(ok ? 0 : 1);

  const client = await newClient();
  const assistant = await client.beta.assistants.create({
    model: 'any',
    tools: [{ type: 'code_interpreter' }],
  });
  const run = await client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Solve 3x + 11 = 14' }] },
  });
  // Where bubblewrap is missing, the run says so and fails.
  expect(run.status).toBe(ok ? 'completed' : 'failed');
  const { data } = await client.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id });
  const calls = data.flatMap(({ step_details: details }) =>
    details.type === 'tool_calls' ? details.tool_calls : [],
  );
  expect(calls).toMatchObject([{ type: 'code_interpreter' }]);
  await vi.waitFor(async () => expect(await countRuns(assistant.id)).toBe(1), 60_000);

  const processes = [api, worker, sandboxd];
  for (const process of processes) process.signal('SIGTERM');
  for (const { exited } of processes) expect(await exited).toEqual({ code: 0, signal: null });
}, 180_000);

function setUpNamespace(): Promise<{ stdout: string }> {
  const [shell = '', script = ''] = services['temporal-namespace']!.entrypoint ?? [];
  const mounted = services['temporal-namespace']!.volumes?.[0]?.split(':') ?? [];
  expect(mounted[1]).toBe(script);
  const step = services['temporal-namespace']!.command ?? [];
  const env = {
    ...services['temporal-namespace']!.environment,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    PATH: path,
    // The temporal command looks for its settings there, and finds none.
    HOME: tmpdir(),
  };
  return run(shell, [join(ROOT, mounted[0]!), ...step], { env });
}

/** The environment of a service, with our servers in place of the engine's. */
function environmentOf(name: Ours): Record<string, string> {
  const given = withSecretsIn(folder, services[name]!.environment);
  if (name === 'sandboxd') return { ...given, SANDBOXD_LISTEN: `unix:${socket}` };
  expect(given.DATABASE_URL).toBe('postgres://threadmill_app@postgres:5432/threadmill');
  const appUrl = appUrlOf(databaseUrl);
  if (name === 'migrate') {
    return { ...given, DATABASE_URL: appUrl, DATABASE_OWNER_URL: databaseUrl };
  }
  expect(given.TEMPORAL_ADDRESS).toBe('temporal:7233');
  return {
    ...given,
    DATABASE_URL: appUrl,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    ...(given.PORT === undefined ? {} : { PORT: String(port) }),
    // Each container has this port for itself.
    METRICS_LISTEN: '127.0.0.1:0',
    ...(given.SANDBOX_URL === undefined ? {} : { SANDBOX_URL: `unix:${socket}` }),
    THREADMILL_CACHE_DIR: inject('cacheDir'),
    NODE_ENV: 'production',
  };
}

function start(name: Ours): OwnProcess {
  const [program, entry = '', ...rest] = services[name]!.command ?? [];
  expect([program, rest]).toEqual(['node', []]);
  return OwnProcess.start(entry, environmentOf(name));
}

/** The exit code of the service's health check. */
function health(name: Ours): Promise<number> {
  const [kind, ...command] = services[name]!.healthcheck?.test ?? [];
  expect(kind).toBe('CMD');
  return runCommand(name, command).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
}

/** What the command prints, when it succeeds. */
async function runCommand(name: Ours, [program, ...args]: string[]): Promise<string> {
  expect(program).toBe('node');
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env: environmentOf(name) });
  return stdout;
}

/** With a key made as docs/operations/install.md says. */
async function newClient(): Promise<OpenAI> {
  const key = await runCommand('api', ['node', 'bin/keys.ts', 'create', '--project', 'shop']);
  return new OpenAI({
    baseURL: `http://127.0.0.1:${port}/v1`,
    apiKey: key.trim(),
    maxRetries: 0,
  });
}

async function createEmptyDatabase(): Promise<string> {
  const url = new URL(inject('databaseAdminUrl'));
  const admin = new pg.Client({ connectionString: url.href });
  const name = `deploy_${randomUUID().replaceAll('-', '')}`;
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  url.pathname = `/${name}`;
  return url.href;
}

async function countRuns(assistantId: string): Promise<number> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const client = new Client({ connection, namespace });
  const { count } = await client.workflow.count(
    `WorkflowType = 'runWorkflow' AND AssistantId = '${assistantId}'`,
  );
  await connection.close();
  return count;
}
