/**
 * Suites of local sandboxes again, every cell of them through a sandboxd process of its own. Images, saved state and abuse
 * are the kernel's, whose bytes the tunnel only carries: they are not repeated.
 */
import { afterAll } from 'vitest';

import { createSandbox } from '../../sandbox/index.ts';
import { suite } from './support/index.ts';
import { startSandboxd, TOKEN } from './support/sandboxd.ts';

const sandboxd = await startSandboxd();
afterAll(() => sandboxd[Symbol.asyncDispose]());
suite.open = (options) =>
  createSandbox({
    ...options,
    backend: 'remote',
    sandboxd: { address: sandboxd.address, token: TOKEN },
  });

await import('./cells.test.ts');
await import('./files.test.ts');
await import('./notebook.test.ts');
await import('./kernel-pool.test.ts');
