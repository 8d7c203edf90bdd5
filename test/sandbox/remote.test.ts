/** The remote sandbox over real connections to a sandboxd process of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';

import { limitsOf, SandboxUnavailableError } from '../../sandbox/index.ts';
import { remoteBackend } from '../../sandbox/remote/client.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { logsOf, openSandbox, PRINT_NAMESPACE, processesIn, PYTHON } from './support/index.ts';
import { openRemote, socketFolder, startSandboxd, TOKEN } from './support/sandboxd.ts';

const ENDLESS = 'while True: pass';
const local = await openSandbox();
await local[Symbol.asyncDispose]();
const supported = local.status.ok;
const sandboxd = supported ? await startSandboxd() : undefined;
const address = sandboxd?.address ?? { path: '/nowhere' };
afterAll(() => sandboxd?.[Symbol.asyncDispose]());

const gone = (namespace: string) => expect.poll(() => processesIn(namespace)).toEqual([]);

describe.skipIf(!supported)('a remote sandbox', () => {
  test('is what sandboxd says it is, and keeps variables between cells', async () => {
    await using sandbox = await openRemote(address);
    expect(sandbox.status).toEqual({ ...local.status, backend: 'remote', behind: 'bubblewrap' });
    await logsOf(sandbox, 'one', 'x = 20');
    expect(await logsOf(sandbox, 'one', 'x + 1')).toBe('21\n');
    expect((await sandbox.runCell('one', '1 / 0')).status).toBe('error');
    expect((await sandbox.runCell('two', 'x')).logs).toContain('NameError');
  });

  test('tells why Python ended, and goes on with another', async () => {
    await using sandbox = await openRemote(address);
    const { status, logs } = await sandbox.runCell(
      'ends',
      'print("so far")\nimport os; os._exit(3)',
    );
    expect({ status, logs }).toEqual({
      status: 'died',
      logs: expect.stringMatching(/^so far\nThe Python process ended \(exit code 3\)\. /),
    });
    expect((await sandbox.runCell('ends', '1')).status).toBe('ok');
  });

  test('ends a cell that prints without end, in words of bounded size, and keeps variables', async () => {
    await using sandbox = await openRemote(address);
    await logsOf(sandbox, 'flood', 'kept = 1');
    const flood = 'import os\nwhile True: os.write(1, b"x" * 65536)';
    const { status, logs } = await sandbox.runCell('flood', flood);
    expect(status).toBe('died');
    expect(logs).toMatch(/Execution printed too much and was killed\. /);
    expect(logs.length).toBeLessThan(200_000);
    expect(await logsOf(sandbox, 'flood', 'kept')).toBe('1\n');
  });

  test('ends an aborted cell within a second, with every process of it', async () => {
    await using sandbox = await openRemote(address);
    const namespace = await logsOf(sandbox, 'aborted', PRINT_NAMESPACE);
    const stop = new AbortController();
    const reason = new Error('the run was cancelled');
    const cell = sandbox.runCell(
      'aborted',
      `import subprocess\nsubprocess.Popen(["sleep", "99"])\n${ENDLESS}`,
      {
        signal: stop.signal,
      },
    );
    await expect.poll(() => processesIn(namespace)).toHaveLength(3);
    const started = performance.now();
    stop.abort(reason);
    await expect(cell).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(5_000);
    await gone(namespace);
  });

  test('gives up a cell whose connection is cut, and sandboxd kills its Python', async () => {
    if (!('host' in address)) throw new Error('a port is needed');
    await using proxy = await TcpProxy.start(address);
    await using sandbox = await openRemote({ host: '127.0.0.1', port: proxy.port });
    const namespace = await logsOf(sandbox, 'cut', PRINT_NAMESPACE);
    const seen = proxy.saw(ENDLESS);
    const cell = sandbox.runCell('cut', ENDLESS);
    await seen;
    proxy.cut();
    expect(await cell).toMatchObject({
      status: 'died',
      logs: expect.stringContaining('The connection to the sandbox was lost') as string,
    });
    await gone(namespace);
    expect((await sandbox.runCell('cut', '1')).status).toBe('ok');
  });

  test('gives up a cell when nothing is heard of sandboxd', async () => {
    if (!('host' in address)) throw new Error('a port is needed');
    await using proxy = await TcpProxy.start(address);
    const way = { host: '127.0.0.1', port: proxy.port };
    // Python says nothing while it starts, for longer on a busy computer.
    const timing = { pingMs: 20, silenceMs: 3_000 };
    await using sandbox = await openRemote(way, {
      sandboxd: { address: way, token: TOKEN, timing },
    });
    await logsOf(sandbox, 'silent', '1');
    const held = proxy.holdRepliesAfter(ENDLESS);
    const cell = sandbox.runCell('silent', ENDLESS);
    await held;
    expect(await cell).toMatchObject({
      status: 'died',
      logs: expect.stringContaining('nothing was heard') as string,
    });
  });

  test('tells that the connection was lost while files were saved, and keeps what was stored', async () => {
    if (!('host' in address)) throw new Error('a port is needed');
    await using proxy = await TcpProxy.start(address);
    await using sandbox = await openRemote({ host: '127.0.0.1', port: proxy.port });
    await logsOf(sandbox, 'saved', 'x = 1');
    const held = proxy.holdRepliesAfter('"read"');
    const cell = sandbox.runCell('saved', 'x = 2\nopen("f", "wb").write(bytes(20_000_000))');
    await held;
    proxy.cut();
    proxy.resume();
    expect(await cell).toMatchObject({
      status: 'died',
      logs: expect.stringMatching(
        /^20000000\nThe connection to the sandbox was lost \(.*\)\. Variables and files are as they were/,
      ) as string,
    });
    expect(await logsOf(sandbox, 'saved', 'import os; x, os.listdir()')).toBe('(1, [])\n');
  });

  test('gives up no variables when the connection is lost while they come back', async () => {
    if (!('host' in address)) throw new Error('a port is needed');
    await using proxy = await TcpProxy.start(address);
    await using sandbox = await openRemote({ host: '127.0.0.1', port: proxy.port });
    await logsOf(sandbox, 'restored', 'x = 1');
    await sandbox.sandbox.dropInterpreter('restored');
    const held = proxy.holdRepliesAfter('"restore"');
    const cell = sandbox.runCell('restored', 'x');
    const lost = expect(cell).rejects.toMatchObject({
      name: 'SandboxUnavailableError',
      temporary: true,
    });
    await held;
    proxy.cut();
    proxy.resume();
    await lost;
    expect(await logsOf(sandbox, 'restored', 'x')).toBe('1\n');
  });

  test('outlives a sandboxd that is killed under a cell and started again', async () => {
    await using folder = await socketFolder();
    const settings = { SANDBOXD_LISTEN: `unix:${folder.path}`, SANDBOX_TOKEN: '' };
    const first = await startSandboxd(settings);
    await using sandbox = await openRemote(first.address, {
      sandboxd: { address: first.address, token: undefined },
    });
    const namespace = await logsOf(sandbox, 'killed', PRINT_NAMESPACE);
    const cell = sandbox.runCell('killed', ENDLESS);
    await expect.poll(() => processesIn(namespace)).toHaveLength(2);
    await first.process.kill();
    expect((await cell).status).toBe('died');
    await gone(namespace);
    // It is tried again until the next one listens, at the socket that the killed one left behind.
    const next = sandbox.runCell('killed', '6 * 7');
    await using _second = await startSandboxd(settings);
    expect((await next).logs).toMatch(/42\n$/);
  });

  test('says what to do when nobody answers', async () => {
    const nowhere = {
      address: { path: '/nowhere/sandboxd.sock' },
      token: undefined,
      patienceMs: 0,
    };
    await using sandbox = await openRemote(nowhere.address, { sandboxd: nowhere });
    expect(sandbox.status).toMatchObject({ backend: 'remote', ok: false, packages: [] });
    expect(sandbox.status.reason).toMatch(/ENOENT.*npm run sandboxd/);
    const cell = sandbox.runCell('nobody', '1');
    await expect(cell).rejects.toThrow(SandboxUnavailableError);
    await expect(cell).rejects.toThrow(/npm run sandboxd/);
  });

  test('waits for a sandboxd of another version as for one that is away', async () => {
    const other = createServer().on('upgrade', (_request, socket) => {
      const body = '{"error":"The protocol is threadmill-kernel/1."}';
      socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const at = { host: '127.0.0.1', port: (other.address() as AddressInfo).port };
    const sandboxd = { address: at, token: TOKEN, patienceMs: 0 };
    const start = remoteBackend({
      ...sandboxd,
      limits: limitsOf({
        backend: 'remote',
        python: PYTHON,
        cellSoftSeconds: 1,
        cellHardSeconds: 2,
      }),
    }).start();
    await expect(start).rejects.toMatchObject({ name: 'KernelStartError', temporary: true });
    await expect(start).rejects.toThrow('same version');
  });

  test('says what to do when the token is wrong, and neither side logs one', async () => {
    const wrong = { address, token: 'wrong', patienceMs: 0 };
    await using sandbox = await openRemote(address, { sandboxd: wrong });
    expect(sandbox.status.reason).toContain('SANDBOX_TOKEN');
    await expect(sandbox.runCell('wrong', '1')).rejects.toThrow('SANDBOX_TOKEN');
    const logged = JSON.stringify(sandboxd?.process.lines);
    expect(logged).not.toMatch(TOKEN);
    expect(logged).not.toMatch('wrong');
  });
});
