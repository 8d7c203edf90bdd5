/** `npm run chaos`: exits with 1 when a rule was broken, and with 2 when there was no run. Linux only. */
import { runCommand } from './command.ts';
import { readOptions, USAGE } from './options.ts';
import { runInOwnMounts } from './supervise.ts';
import { canMount } from './system/disk.ts';

try {
  const options = readOptions(process.argv.slice(2));
  const needsMounts = options.judge === undefined && process.getuid?.() === 0 && !canMount();
  process.exitCode = needsMounts ? await runInOwnMounts() : await runCommand(options);
} catch (error) {
  console.error(`${(error as Error).stack}\n${USAGE}`);
  process.exitCode = 2;
}
