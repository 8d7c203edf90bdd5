/** A backend that is not installed may be left out. One that is installed and fails its own probe may not. */
import { expect, test } from 'vitest';
import { createSandbox } from '../../sandbox/index.ts';
import { PYTHON } from './support/index.ts';

const OPTIONS = { python: PYTHON, cellSoftSeconds: 20, cellHardSeconds: 25, spare: false };

test.each(['bubblewrap', 'pyodide', 'auto'] as const)(
  '%s passes its own probe where it is installed',
  { timeout: 120_000 },
  async (backend) => {
    await using sandbox = await createSandbox({ ...OPTIONS, backend });
    expect(sandbox.status.reason ?? '').not.toContain('A check failed');
  },
);
