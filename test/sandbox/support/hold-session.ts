/** Run as a process of its own, which a test kills: prints the pid namespace of a cell that never ends. */
import { createSandbox } from '../../../sandbox/index.ts';
import { PRINT_NAMESPACE, PYTHON } from './index.ts';

const sandbox = await createSandbox({
  backend: 'bubblewrap',
  python: PYTHON,
  cellSoftSeconds: 600,
  cellHardSeconds: 600,
});
const { logs } = await sandbox.runCell('held', PRINT_NAMESPACE);
void sandbox.runCell('held', 'import subprocess\nsubprocess.run(["sleep", "600"])');
process.stdout.write(logs);
