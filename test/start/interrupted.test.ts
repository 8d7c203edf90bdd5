/** Whatever ends `npm start` and `npm test`, nothing that they started is left. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';

import { exists } from '../../embedded/files.ts';
import { commandOf, descendants } from '../support/processes.ts';
import { ROOT, cleanEnvironment } from './support.ts';

const GONE = { timeout: 60_000, interval: 100 };
const TESTS = ['test', '--', '--config', 'test/start/fixtures/interrupted.config.ts'];

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-interrupted-'));
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Starts `npm ...args` in a process group of its own, as a terminal does. */
async function startNpm(
  args: string[],
  folder: string,
  isReady: (output: string) => boolean | Promise<boolean>,
): Promise<ChildProcess> {
  const npm = spawn('npm', args, {
    cwd: ROOT,
    env: { ...cleanEnvironment(), TMPDIR: folder },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void npm.kill('SIGKILL'));
  let output = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ready = async () => {
    if (npm.exitCode !== null) throw new Error(`npm ended: ${output}`);
    return isReady(output);
  };
  await vi.waitUntil(ready, { timeout: 120_000, interval: 100 });
  return npm;
}

/** Sends the signal to npm alone, or to its group, and waits until nothing below npm lives. */
async function interrupt(npm: ChildProcess, to: string, signal: NodeJS.Signals): Promise<void> {
  const pid = npm.pid ?? 0;
  const below = await descendants(pid);
  process.kill(to === 'npm' ? pid : -pid, signal);
  const living = async () => {
    const now = await Promise.all(below.map((process) => commandOf(process.pid)));
    return below.filter(({ command }, index) => now[index] === command);
  };
  await expect.poll(living, GONE).toEqual([]);
}

test.each([
  ['npm', 'SIGKILL'],
  ['the whole group', 'SIGKILL'],
  ['the whole group', 'SIGHUP'],
] as const)(
  'npm start leaves nothing when %s gets %s, and starts again',
  async (to, signal) => {
    const dataDir = await temporaryDirectory();
    const start = ['start', '--', '--port', '0', '--temporal-ui-port', '0', '--data-dir', dataDir];
    const isReady = (output: string) => output.includes('is ready');
    await interrupt(await startNpm(start, dataDir, isReady), to, signal);
    expect(await exists(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
    await interrupt(await startNpm(start, dataDir, isReady), 'the whole group', 'SIGTERM');
    const log = await readFile(join(dataDir, 'postgres', 'server.log'), 'utf8');
    expect(log).not.toContain('interrupted');
  },
  300_000,
);

test.each([
  ['npm', 'SIGKILL'],
  ['npm', 'SIGTERM'],
  ['the whole group', 'SIGKILL'],
  ['the whole group', 'SIGINT'],
  ['the whole group', 'SIGHUP'],
] as const)(
  'npm test leaves nothing when %s gets %s',
  async (to, signal) => {
    const folder = await temporaryDirectory();
    const npm = await startNpm(TESTS, folder, () => exists(join(folder, 'running')));
    const below = await descendants(npm.pid ?? 0);
    for (const program of ['postgres', 'start-dev', 'idle.ts', 'driver.py']) {
      expect(below.some(({ command }) => command.includes(program))).toBe(true);
    }
    await interrupt(npm, to, signal);
  },
  300_000,
);
