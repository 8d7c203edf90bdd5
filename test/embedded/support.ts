/** A temporary data directory, and servers whose process is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

type Stoppable = { stop(): Promise<void> };

/** A directory that only its owner can enter, removed at the end of the test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-embedded-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Stops the server at the end of the test, if the test has not done so. */
export function stopLater<T extends Stoppable>(server: T): T {
  onTestFinished(() => server.stop());
  return server;
}

/** Starts a server in another process and kills that process. */
export async function killStarterOf(kind: 'postgres' | 'temporal', dataDir: string): Promise<void> {
  const script = fileURLToPath(new URL('starter.ts', import.meta.url));
  const child = spawn(process.execPath, [script, kind, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  child.kill('SIGKILL');
  await exited;
}

/** Listens on a port (0: any) until the end of the test. Returns the port. */
export async function occupyPort(port = 0): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return address.port;
}
