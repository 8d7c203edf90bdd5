/** What sandboxd does with workers that are wrong, hostile, silent, many, or too slow, and when it is stopped. */
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';

import { chooseBackend } from '../../sandbox/choose-backend.ts';
import { limitsOf } from '../../sandbox/index.ts';
import { processorSeconds } from '../../sandbox/host/processes.ts';
import { encodePackets, INPUT_WINDOW_BYTES } from '../../sandbox/remote/packets.ts';
import type { SandboxdOptions } from '../../sandboxd/server.ts';
import { Sandboxd } from '../../sandboxd/server.ts';
import { OwnProcess } from '../support/processes.ts';
import { logsOf, openSandbox, PRINT_NAMESPACE, processesIn, PYTHON } from './support/index.ts';
import { ask, openRawKernel, UPGRADE } from './support/raw-kernel.ts';
import { openRemote, socketFolder, startSandboxd, TOKEN } from './support/sandboxd.ts';

const ENDLESS = 'while True: pass';
const local = await openSandbox();
await local[Symbol.asyncDispose]();
const supported = local.status.ok;
const sandboxd = supported ? await startSandboxd() : undefined;
const address = sandboxd?.address ?? { path: '/nowhere' };
afterAll(() => sandboxd?.[Symbol.asyncDispose]());
const authorization = `Bearer ${TOKEN}`;

const gone = (namespace: string) => expect.poll(() => processesIn(namespace)).toEqual([]);
const namespaceIn = (told: string) => /pid:\[\d+\]/.exec(told)?.[0] ?? '';

describe.skipIf(!supported)('whoever asks', () => {
  const kernels = { method: 'POST', path: '/v1/kernels' };

  test('may know that it is there, and needs the token for everything else', async () => {
    expect(await ask(address)).toEqual({ status: 200, body: { status: 'ok' } });
    for (const given of ['', 'Bearer', 'Bearer wrong', `bearer ${TOKEN}`, TOKEN]) {
      const headers = { authorization: given };
      expect((await ask(address, { path: '/status', headers })).status).toBe(401);
      const upgrade = { ...kernels, headers: { ...UPGRADE, ...headers } };
      expect((await ask(address, upgrade)).status).toBe(401);
    }
    expect((await ask(address, { path: '/status' })).status).toBe(401);
  });

  test('with the token learns what it can do, and how many kernels it has', async () => {
    const { status, body } = await ask(address, { path: '/status', headers: { authorization } });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...local.status,
      kernels: { live: 0, waiting: 0, max: expect.any(Number) as number },
    });
  });

  test('for anything else is refused', async () => {
    const headers = { authorization };
    const answers = await Promise.all([
      ask(address, { path: '/', headers }),
      ask(address, { ...kernels, headers }),
      ask(address, { ...kernels, path: '/v1/kernel', headers: { ...headers, ...UPGRADE } }),
      ask(address, { ...kernels, method: 'GET', headers: { ...headers, ...UPGRADE } }),
      ask(address, { ...kernels, headers: { ...headers, ...UPGRADE, upgrade: 'websocket' } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([404, 426, 404, 404, 400]);
  });

  test('in the words of another version is told to wait for the same version', async () => {
    const headers = { ...UPGRADE, upgrade: 'threadmill-kernel/1', authorization };
    const { status, body } = await ask(address, { ...kernels, headers });
    expect(status).toBe(503);
    expect(body).toEqual({
      error: expect.stringMatching(/threadmill-kernel\/1\. Run the same version/) as string,
    });
  });
});

test('listens on a port only with a token', async () => {
  await using alone = OwnProcess.start('sandboxd/main.ts', {
    SANDBOXD_LISTEN: 'http://127.0.0.1:0',
  });
  expect((await alone.exited).code).toBe(1);
  expect(alone.lines[0]!.msg).toContain('SANDBOX_TOKEN');
});

test('runs code itself: it does not ask another sandboxd', async () => {
  await using alone = OwnProcess.start('sandboxd/main.ts', { SANDBOX: 'remote' });
  expect((await alone.exited).code).toBe(1);
  expect(alone.lines[0]!.msg).toContain('SANDBOX');
});

test('without a sandbox says so to its workers, and is not healthy', async () => {
  await using folder = await socketFolder();
  const settings = {
    SANDBOX: 'bubblewrap',
    SANDBOXD_LISTEN: `unix:${folder.path}`,
    SANDBOX_PYTHON: '/nowhere/python3',
  };
  await using broken = await startSandboxd(settings);
  expect((await ask(broken.address)).status).toBe(503);
  await using sandbox = await openRemote(broken.address);
  expect(sandbox.status).toMatchObject({ backend: 'remote', ok: false });
  expect(sandbox.status.reason).toContain("no Python at '/nowhere/python3'");
  await expect(sandbox.runCell('none', '1')).rejects.toThrow("no Python at '/nowhere/python3'");
});

describe.skipIf(!supported)(
  'a worker that breaks the protocol loses its kernel, and no other worker does:',
  () => {
    const violations: Record<string, Uint8Array[]> = {
      'an unknown kind': [Buffer.from([99, 0, 0, 0, 0])],
      'a packet of 4 GB': [Buffer.from([1, 255, 255, 255, 255])],
      'a packet that only sandboxd sends': encodePackets('ended', Buffer.from('Nothing happened.')),
      'more input than the window': encodePackets('input', Buffer.alloc(2 * INPUT_WINDOW_BYTES)),
    };

    test.each(Object.entries(violations))('%s', async (_name, parts) => {
      const [hostile, bystander] = await Promise.all([
        openRawKernel(address),
        openRawKernel(address),
      ]);
      onTestFinished(() => void bystander.socket.destroy());
      const namespace = namespaceIn(await hostile.run(PRINT_NAMESPACE));
      hostile.send('resume');
      // A cell that does not end reads no input.
      hostile.exec(ENDLESS);
      for (const part of parts) hostile.socket.write(part);
      await hostile.closed;
      await gone(namespace);
      expect(await bystander.run('6 * 7')).toContain('42');
    });
  },
);

describe.skipIf(!supported)('a worker', () => {
  test.each([
    ['prints', 'while True: print("x" * 1000)'],
    ['forges frames', 'import os\nwhile True: os.write(4, bytes(65536))'],
  ])('that does not read makes code that %s wait', async (_name, code) => {
    const worker = await openRawKernel(address);
    onTestFinished(() => void worker.socket.destroy());
    const namespace = namespaceIn(await worker.run(PRINT_NAMESPACE));
    worker.socket.pause();
    worker.send('resume');
    worker.send('readOutput');
    worker.exec(code);
    const [, python = ''] = await processesIn(namespace);
    const used = () => processorSeconds(Number(python));
    let before = used();
    const stands = () => {
      const now = used();
      const still = now === before && (now ?? 0) > 0;
      before = now;
      return still;
    };
    await expect.poll(stands, { interval: 500 }).toBe(true);
  });

  test('that goes away takes its kernel with it, also while one is being started', async () => {
    const worker = await openRawKernel(address);
    const namespace = namespaceIn(await worker.run(PRINT_NAMESPACE));
    worker.socket.destroy();
    await gone(namespace);
    const hasty = await Promise.allSettled(
      Array.from({ length: 4 }, async () => {
        const kernel = await openRawKernel(address);
        kernel.socket.resetAndDestroy();
      }),
    );
    expect(hasty.map(({ status }) => status)).toEqual(Array(4).fill('fulfilled'));
    await expect.poll(liveKernels).toBe(0);
  });

  test('gets the limits it asks for, but none above those of sandboxd', async () => {
    await using strict = await startSandboxd({ CELL_SOFT_SECONDS: '1', CELL_HARD_SECONDS: '3' });
    await using sandbox = await openRemote(strict.address, {
      cellSoftSeconds: 600,
      cellHardSeconds: 600,
    });
    const { status, logs } = await sandbox.runCell('strict', ENDLESS);
    expect({ status, logs }).toEqual({
      status: 'timeout',
      logs: 'Execution timed out after 1 s; variables are kept.',
    });
    await using modest = await openRemote(address, { cellSoftSeconds: 1, cellHardSeconds: 3 });
    expect((await modest.runCell('modest', ENDLESS)).logs).toContain('timed out after 1 s');
  });

  test('that falls silent loses its kernel', async () => {
    await using own = await serve({ timing: { pingMs: 20, silenceMs: 200 } });
    const worker = await openRawKernel(own.address);
    const namespace = namespaceIn(await worker.run(PRINT_NAMESPACE));
    await worker.closed;
    await gone(namespace);
  });
});

describe.skipIf(!supported)('when all kernels are taken', () => {
  test('the one that was unused for longest makes room', async () => {
    await using own = await serve({ maxKernels: 2, evictAfterMs: 0 });
    const [first, second] = [await openRawKernel(own.address), await openRawKernel(own.address)];
    await second.run('1');
    await first.run('1');
    const third = await openRawKernel(own.address);
    await second.closed;
    expect(await Promise.all([first.run('2'), third.run('3')])).toEqual([
      expect.stringContaining('2'),
      expect.stringContaining('3'),
    ]);
  });

  test('a cell of another worker waits until one is free', async () => {
    await using own = await serve({ maxKernels: 1 });
    await using busy = await openRemote(own.address);
    await using waiting = await openRemote(own.address);
    const stop = new AbortController();
    const cell = busy.runCell('busy', ENDLESS, { signal: stop.signal });
    await expect.poll(() => own.server.kernels.live).toBe(1);
    const next = logsOf(waiting, 'waiting', '1');
    stop.abort(new Error('enough'));
    await expect(cell).rejects.toThrow('enough');
    expect(await next).toBe('1\n');
  });

  test('a worker that gives up waiting leaves no trace', async () => {
    await using own = await serve({ maxKernels: 1 });
    const holder = await openRawKernel(own.address);
    await using sandbox = await openRemote(own.address);
    const stop = new AbortController();
    const cell = sandbox.runCell('waits', '1', { owner: '', signal: stop.signal });
    await expect.poll(() => own.server.kernels.waiting).toBe(1);
    stop.abort(new Error('no longer'));
    await expect(cell).rejects.toThrow('no longer');
    await expect.poll(() => own.server.kernels.waiting).toBe(0);
    holder.socket.destroy();
    await expect.poll(() => own.server.kernels.live).toBe(0);
  });
});

describe.skipIf(!supported)('on SIGTERM', () => {
  test('cells under way finish, nothing new is taken, and it ends with 0', async () => {
    await using folder = await socketFolder();
    const stopped = await startSandboxd({ SANDBOXD_LISTEN: `unix:${folder.path}` });
    await using sandbox = await openRemote(stopped.address, {
      sandboxd: { address: stopped.address, token: TOKEN, patienceMs: 0 },
    });
    const idle = await openRawKernel(stopped.address);
    await idle.run('1');
    const namespace = await logsOf(sandbox, 'long', PRINT_NAMESPACE);
    const cell = logsOf(
      sandbox,
      'long',
      'import subprocess, time\nsubprocess.run(["sleep", "1.5"])\n"ended"',
    );
    await expect.poll(() => processesIn(namespace)).toHaveLength(3);
    stopped.process.signal('SIGTERM');
    await idle.closed;
    await expect(sandbox.runCell('new', '1')).rejects.toThrow('sandboxd');
    expect(await cell).toBe("'ended'\n");
    expect(await stopped.process.exited).toEqual({ code: 0, signal: null });
    await gone(namespace);
  });
});

async function liveKernels(): Promise<number> {
  const { body } = await ask(address, { path: '/status', headers: { authorization } });
  return (body as { kernels: { live: number } }).kernels.live;
}

/** A sandboxd inside this process, for settings that the one of production has no variables for. */
async function serve(options: Partial<SandboxdOptions>) {
  const limits = limitsOf({
    backend: 'auto',
    python: PYTHON,
    cellSoftSeconds: 20,
    cellHardSeconds: 25,
  });
  const given = {
    backend: 'auto',
    python: PYTHON,
    cellSoftSeconds: 20,
    cellHardSeconds: 25,
  } as const;
  const { status, open } = await chooseBackend(given, limits);
  const server = new Sandboxd({ status, open, limits, maxKernels: 4, token: TOKEN, ...options });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    server,
    address: { host: '127.0.0.1', port: port ?? 0 },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
