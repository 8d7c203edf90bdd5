/** A small disk in memory below the database, which can be filled. Only root can make one, in a mount namespace of its own. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const SIZE = '1g';
const FILLER = 'filler';

export class SmallDisk {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Takes all room that is left. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    await execute('fallocate', ['--length', String(bavail * bsize), join(this.path, FILLER)]);
  }

  async free(): Promise<void> {
    await rm(join(this.path, FILLER), { force: true });
  }

  async unmount(): Promise<void> {
    await execute('umount', ['--lazy', this.path]);
  }
}

/** Whether this process may mount, without leaving a trace when it ends. */
export function canMount(): boolean {
  return process.env['CHAOS_OWN_MOUNTS'] === 'true';
}

/** @throws unless `canMount()` */
export async function mountDisk(path: string): Promise<SmallDisk> {
  await mkdir(path);
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'chaos', path]);
  await chmod(path, 0o755);
  return new SmallDisk(path);
}
