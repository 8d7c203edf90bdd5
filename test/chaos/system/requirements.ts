/** What the computer must have. What may be missing is left out with a sentence; in continuous integration nothing may. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Whether code can be run. @throws in continuous integration when it cannot */
export async function findCodeRunner(say: (line: string) => void): Promise<boolean> {
  if (await isOnPath('bwrap')) return true;
  const reason = 'bubblewrap is not installed';
  if (process.env['CI'] !== undefined) throw new Error(`No code can be run: ${reason}.`);
  say(`Runs with code are left out: ${reason}.`);
  return false;
}

async function isOnPath(program: string): Promise<boolean> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = await access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
