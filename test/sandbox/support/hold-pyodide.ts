/** Run as a process of its own, which a test kills: prints the process id of a Deno whose cell never ends. */
import { readFile } from 'node:fs/promises';
import { processTree } from '../../../sandbox/host/processes.ts';
import { openSandbox } from './index.ts';

const sandbox = await openSandbox({
  backend: 'pyodide',
  cellSoftSeconds: 600,
  cellHardSeconds: 600,
});
await sandbox.runCell('held', '1');
// A cell that takes the host's end of input for itself.
const code =
  'from pyodide.code import run_js\nrun_js("for (;;) Deno.stdin.readSync(new Uint8Array(9))")';
void sandbox.runCell('held', code);
for (const pid of processTree(process.pid)) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  if (stat.includes(`(deno) `)) process.stdout.write(String(pid));
}
