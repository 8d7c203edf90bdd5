/** A copy of the checkout, with what is not committed yet, that shares the installed packages. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function copySources(target: string): Promise<void> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await promisify(execFile)('git', list, { cwd: ROOT, maxBuffer: 1e8 });
  for (const file of stdout.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    // A file that was deleted is listed until that is committed.
    await cp(join(ROOT, file), join(target, file)).catch(() => {});
  }
  await linkPackages(target);
}

/** Caches are the copy's own: bundles of mutated workflows are none of the checkout's business. */
async function linkPackages(target: string): Promise<void> {
  const packages = join(target, 'node_modules');
  await mkdir(packages);
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name !== '.cache' && name !== '.vite') {
      await symlink(join(ROOT, 'node_modules', name), join(packages, name));
    }
  }
}
