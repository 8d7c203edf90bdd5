/** Run as a process of its own, on a machine that lacks something: prints the status of the sandbox named there. */
import { createSandbox } from '../../../sandbox/index.ts';
import type { SandboxOptions } from '../../../sandbox/index.ts';
import { PYTHON } from './index.ts';

await using sandbox = await createSandbox({
  backend: process.argv[2] as SandboxOptions['backend'],
  python: PYTHON,
  cellSoftSeconds: 5,
  cellHardSeconds: 6,
});
process.stdout.write(JSON.stringify(sandbox.status));
