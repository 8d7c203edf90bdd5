/** Run as a process of its own, on a machine that lacks something: prints the status of a sandbox there. */
import { createSandbox } from '../../../sandbox/index.ts';
import { PYTHON } from './index.ts';

await using sandbox = await createSandbox({
  backend: 'auto',
  python: PYTHON,
  cellSoftSeconds: 5,
  cellHardSeconds: 6,
});
process.stdout.write(JSON.stringify(sandbox.status));
