/** sandboxd as the process it is in production, and sandboxes that use it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { SandboxdAddress } from '../../../config/values.ts';
import { createSandbox } from '../../../sandbox/index.ts';
import type { SandboxOptions } from '../../../sandbox/index.ts';
import { OwnProcess } from '../../support/processes.ts';
import type { TestSandbox } from './index.ts';
import { PYTHON, withStore } from './index.ts';
import { StateStore } from './state-store.ts';

export const TOKEN = 'a-token-that-must-not-be-logged';

export type RunningSandboxd = AsyncDisposable & {
  readonly process: OwnProcess;
  readonly address: SandboxdAddress;
};

/** On a port of its own, with a token, unless `settings` say otherwise. Resolves when it takes connections. */
export async function startSandboxd(
  settings: Record<string, string> = {},
): Promise<RunningSandboxd> {
  const process = OwnProcess.start('sandboxd/main.ts', {
    SANDBOXD_LISTEN: 'http://127.0.0.1:0',
    SANDBOX_TOKEN: TOKEN,
    CELL_SOFT_SECONDS: '20',
    CELL_HARD_SECONDS: '25',
    ...settings,
  });
  const { address } = await process.logged('sandboxd is serving');
  return {
    process,
    address: address as SandboxdAddress,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** A worker's sandbox behind `address`, whether or not anybody answers there. */
export async function openRemote(
  address: SandboxdAddress,
  { sandboxd, ...options }: Partial<SandboxOptions> = {},
): Promise<TestSandbox> {
  const sandbox = await createSandbox({
    backend: 'remote',
    sandboxd: { address, token: TOKEN, ...sandboxd },
    python: PYTHON,
    cellSoftSeconds: 20,
    cellHardSeconds: 25,
    // Tests count kernels, and know which one runs what.
    spare: false,
    ...options,
  });
  return withStore(sandbox, new StateStore());
}

/** A folder for a socket, gone with whoever holds it. */
export async function socketFolder(): Promise<AsyncDisposable & { path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-sandboxd-'));
  return {
    path: join(folder, 'sandboxd.sock'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
