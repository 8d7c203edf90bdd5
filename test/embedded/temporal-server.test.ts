import { Client, Connection } from '@temporalio/client';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { readJson } from '../../embedded/files.ts';
import { commandLine } from '../../embedded/processes.ts';
import { temporalHealth } from '../../embedded/temporal/health.ts';
import { EmbeddedError, startTemporalServer } from '../../embedded/temporal/server.ts';
import { killStarterOf, occupyPort, stopLater, temporaryDirectory } from './support.ts';

const searchAttributes = { RunStatus: 'Keyword' } as const;

async function recordedPid(dataDir: string): Promise<number> {
  return (await readJson<{ pid: number }>(join(dataDir, 'temporal', 'server.json')))?.pid ?? 0;
}

async function clientOf(address: string): Promise<Client> {
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}

test('serves the namespace and the web UI, and is gone after stop', async () => {
  const dataDir = await temporaryDirectory();
  const server = stopLater(await startTemporalServer({ dataDir, uiPort: 0, searchAttributes }));
  expect(server.version).toMatch(/^1\.\d+\.\d+$/);
  expect(await temporalHealth(server.address)).toMatchObject({ state: 'ready' });
  for (const name of ['other', 'long'.repeat(50)]) {
    expect(await temporalHealth(server.address, name)).toMatchObject({ state: 'no namespace' });
  }
  expect((await openUi(server.uiUrl)).status).toBe(200);
  const pid = await recordedPid(dataDir);
  expect(await commandLine(pid)).toContain('start-dev');
  await server.stop();
  expect(await commandLine(pid)).toBeUndefined();
  expect(await temporalHealth(server.address)).toMatchObject({ state: 'no answer' });
});

test('keeps its workflows over a restart, and its address', async () => {
  const dataDir = await temporaryDirectory();
  const first = stopLater(await startTemporalServer({ dataDir, searchAttributes }));
  const client = await clientOf(first.address);
  await client.workflow.start('anything', { taskQueue: 'nobody-polls', workflowId: 'kept' });
  await first.stop();
  const second = stopLater(await startTemporalServer({ dataDir, searchAttributes }));
  expect(second.address).toBe(first.address);
  expect(second.uiUrl).toBeUndefined();
  const kept = await (await clientOf(second.address)).workflow.getHandle('kept').describe();
  expect(kept.status.name).toBe('RUNNING');
});

test('ends with the process that started it, even when that is killed', async () => {
  const dataDir = await temporaryDirectory();
  await killStarterOf('temporal', dataDir);
  const pid = await recordedPid(dataDir);
  await expect.poll(() => commandLine(pid)).toBeUndefined();
});

test('starts at once after the process that started it was killed', async () => {
  const dataDir = await temporaryDirectory();
  await killStarterOf('temporal', dataDir);
  const pid = await recordedPid(dataDir);
  const server = stopLater(await startTemporalServer({ dataDir, uiPort: 0, searchAttributes }));
  expect(await commandLine(pid)).toBeUndefined();
  expect(await temporalHealth(server.address)).toMatchObject({ state: 'ready' });
});

test('leaves another program alone that has the recorded process number now', async () => {
  const dataDir = await temporaryDirectory();
  const stranger = spawn('sleep', ['600']);
  onTestFinished(() => void stranger.kill());
  const state = {
    pid: stranger.pid,
    port: 1,
    uiPort: 2,
    command: ['temporal', 'server', 'start-dev'],
  };
  await mkdir(join(dataDir, 'temporal'));
  await writeFile(join(dataDir, 'temporal', 'server.json'), JSON.stringify(state));
  const server = stopLater(await startTemporalServer({ dataDir, searchAttributes }));
  await server.stop();
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});

test('refuses a busy UI port that was asked for, and moves from one that was only wished for', async () => {
  const dataDir = await temporaryDirectory();
  const busy = await occupyPort();
  const start = startTemporalServer({ dataDir, uiPort: busy, searchAttributes });
  await expect(start).rejects.toThrow(
    new EmbeddedError(
      `Port ${busy} for the Temporal UI is in use: choose another with --temporal-ui-port.`,
    ),
  );
  const server = stopLater(
    await startTemporalServer({ dataDir, uiPort: busy, uiPortMayChange: true, searchAttributes }),
  );
  expect(server.uiUrl).not.toContain(`:${busy}`);
  expect((await openUi(server.uiUrl)).status).toBe(200);
});

test('shows its web UI to those who have the link, at the names of this computer only', async () => {
  const dataDir = await temporaryDirectory();
  const server = stopLater(await startTemporalServer({ dataDir, uiPort: 0, searchAttributes }));
  const { origin, port } = new URL(server.uiUrl ?? '');
  const cookie = await cookieOf(server.uiUrl);
  const client = await clientOf(server.address);
  await client.workflow.start('anything', { taskQueue: 'nobody-polls', workflowId: 'kept' });
  const terminate = (headers: Record<string, string>) =>
    ask(Number(port), '/api/v1/namespaces/default/workflows/kept/terminate', headers);

  expect(cookie).toMatch(/^threadmill_ui=\S+; HttpOnly; SameSite=Strict; Path=\/$/);
  for (const [path, place] of [
    ['/namespaces/default/workflows/kept', '/namespaces/default/workflows/kept'],
    ['//other.example/', '/other.example/'],
  ] as const) {
    const linked = await fetch(server.uiUrl!.replace('/?', `${path}?`), { redirect: 'manual' });
    expect(linked.headers.get('location')).toBe(place);
  }
  expect((await fetch(`${origin}/api/v1/namespaces`)).status).toBe(401);
  expect((await fetch(`${origin}/?token=guess`)).status).toBe(401);
  expect(await (await fetch(origin)).text()).toMatch(/Open the link .* npm start has printed/);
  expect(await terminate({})).toBe(401);
  expect(await terminate({ cookie: 'threadmill_ui=guess' })).toBe(401);
  expect(await terminate({ cookie, host: `rebound.example:${port}` })).toBe(403);
  expect(await terminate({ cookie, origin: 'http://127.0.0.1:1' })).toBe(403);
  // A name that points to this computer reaches no other port of the server either.
  const ports = await listeningPorts(await recordedPid(dataDir));
  expect(ports.length).toBeGreaterThan(3);
  for (const inner of ports) {
    const path = '/api/v1/namespaces';
    const status = await ask(inner, path, { host: `rebound.example:${inner}` }, 'GET');
    expect(status, `port ${inner}`).not.toBe(200);
  }
  const { status } = await client.workflow.getHandle('kept').describe();
  expect(status.name).toBe('RUNNING');
  // The UI itself waits a little before it dials a server again that was not ready.
  await expect.poll(() => ask(Number(port), '/api/v1/namespaces', { cookie }, 'GET')).toBe(200);
});

async function cookieOf(link = ''): Promise<string> {
  const answer = await fetch(link, { redirect: 'manual' });
  expect(answer.headers.get('location')).toBe('/');
  return answer.headers.get('set-cookie') ?? '';
}

async function openUi(link = ''): Promise<Response> {
  return fetch(new URL('/', link), { headers: { cookie: await cookieOf(link) } });
}

/** The status of an answer; 0 where none comes. */
async function ask(
  port: number,
  path: string,
  headers: Record<string, string>,
  method = 'POST',
): Promise<number> {
  const sent = request({ host: '127.0.0.1', port, path, headers, method, timeout: 5_000 });
  sent.end(method === 'POST' ? '{}' : undefined);
  const answer = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.on('timeout', () => sent.destroy());
  return answer.then(
    ([{ statusCode = 0 }]) => (sent.destroy(), statusCode),
    () => 0,
  );
}

/** Ports of 127.0.0.1 on which a process listens, from /proc. */
async function listeningPorts(pid: number): Promise<number[]> {
  const names = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`)));
  const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, address, , state, , , , , , inode]) => {
      const local = address?.startsWith('0100007F:') === true && state === '0A';
      return local && links.includes(`socket:[${inode}]`);
    })
    .map(([, address = '']) => Number.parseInt(address.split(':')[1] ?? '', 16));
}

test('registers search attributes and namespaces that an older database lacks', async () => {
  const dataDir = await temporaryDirectory();
  await stopLater(await startTemporalServer({ dataDir, searchAttributes })).stop();
  const more = { ...searchAttributes, ProjectId: 'Keyword' } as const;
  const server = stopLater(
    await startTemporalServer({ dataDir, searchAttributes: more, namespace: 'second' }),
  );
  expect(await temporalHealth(server.address, 'second')).toMatchObject({ state: 'ready' });
  const again = stopLater(await startTemporalServer({ dataDir, searchAttributes: more }));
  const { operatorService } = (await clientOf(again.address)).connection as Connection;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace: 'default' });
  expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(['RunStatus', 'ProjectId']));
});

test('keeps nothing in memory mode', async () => {
  const dataDir = await temporaryDirectory();
  const options = { dataDir, inMemory: true, searchAttributes };
  const first = stopLater(await startTemporalServer(options));
  const client = await clientOf(first.address);
  await client.workflow.start('anything', { taskQueue: 'nobody-polls', workflowId: 'lost' });
  const second = stopLater(await startTemporalServer(options));
  const lost = (await clientOf(second.address)).workflow.getHandle('lost').describe();
  await expect(lost).rejects.toThrow();
});
