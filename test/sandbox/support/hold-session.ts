/** Run as a process of its own, which a test kills: prints the pid namespace of a cell that never ends. */
import { openSandbox, PRINT_NAMESPACE } from './index.ts';

const sandbox = await openSandbox({ cellSoftSeconds: 600, cellHardSeconds: 600 });
const { logs } = await sandbox.runCell('held', PRINT_NAMESPACE);
void sandbox.runCell('held', 'import subprocess\nsubprocess.run(["sleep", "600"])');
process.stdout.write(logs);
