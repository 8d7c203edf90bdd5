/**
 * Limits by cgroup v2, where a part of the tree is delegated to this process: each kernel gets a group below it, in which Linux
 * counts all its processes and files together. Without a delegated group, a watchdog measures memory from outside.
 */
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Limits } from '../backend.ts';
import { KernelStartError } from '../backend.ts';
import { SetupError } from './setup.ts';

/** A group that may have groups below it, and the controllers that those have. */
export type CgroupParent = { path: string; controllers: ReadonlySet<string> };

/** The group of one kernel. */
export type Cgroup = {
  /** The group limits memory, so that no watchdog is needed. */
  readonly limitsMemory: boolean;
  /** Moves a process here; processes that it starts later are here too. */
  join(pid: number): Promise<void>;
  /** True when the Linux kernel ended it because it needed more memory. */
  outOfMemory(): Promise<boolean>;
  /** Ends the processes that are left in it, and removes it. */
  remove(): Promise<void>;
};

const NEEDED = ['memory', 'pids'];
const WANTED = [...NEEDED, 'cpu'];
const PREFIX = 'threadmill-';
// The launcher's own processes.
const EXTRA_PROCESSES = 4;
const REMOVE_ATTEMPTS = 50;

/**
 * The group to use: `configured`, or else the one above this process's own when it belongs to this user, as under
 * systemd's Delegate and DelegateSubgroup. Throws SetupError when the configured group cannot be used.
 */
export async function findCgroup(configured?: string): Promise<CgroupParent | undefined> {
  if (configured !== undefined) return delegated(configured);
  const path = await aboveOwn();
  if (path === undefined) return undefined;
  const controllers = await words(join(path, 'cgroup.subtree_control'));
  return NEEDED.every((name) => controllers.has(name)) ? { path, controllers } : undefined;
}

/** Makes the group of one kernel. Throws KernelStartError. */
export async function makeCgroup(
  parent: CgroupParent,
  name: string,
  limits: Limits,
): Promise<Cgroup> {
  const path = join(parent.path, `${PREFIX}${process.pid}-${name}`);
  const settings = {
    memory: {
      'memory.max': limits.memoryBytes,
      'memory.swap.max': 0,
      // Without one of its processes a kernel would look healthy.
      'memory.oom.group': 1,
    },
    pids: { 'pids.max': limits.processes + EXTRA_PROCESSES },
    // A tenth of the server's own: in a group Linux shares processor time by groups, whatever nice values say.
    cpu: { 'cpu.max': '100000 100000', 'cpu.weight': 10 },
  };
  try {
    await mkdir(path);
    for (const [controller, files] of Object.entries(settings)) {
      if (!parent.controllers.has(controller)) continue;
      for (const [file, value] of Object.entries(files)) await write(path, file, String(value));
    }
  } catch (cause) {
    throw new KernelStartError(`The cgroup ${path} could not be made: ${String(cause)}`, { cause });
  }
  return {
    limitsMemory: parent.controllers.has('memory'),
    join: (pid) => write(path, 'cgroup.procs', String(pid)),
    async outOfMemory() {
      const events = await read(join(path, 'memory.events'));
      return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) > 0;
    },
    remove: () => remove(path),
  };
}

/** Removes the groups of processes like this one that have died. */
export async function sweepCgroups({ path }: CgroupParent): Promise<void> {
  for (const name of await readdir(path)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !(await exists(`/proc/${pid}`))) await remove(join(path, name));
  }
}

async function delegated(path: string): Promise<CgroupParent> {
  const before = await words(join(path, 'cgroup.subtree_control'));
  const possible = await words(join(path, 'cgroup.controllers'));
  const missing = WANTED.filter((name) => possible.has(name) && !before.has(name));
  const problem =
    missing.length === 0
      ? undefined
      : await write(
          path,
          'cgroup.subtree_control',
          missing.map((name) => `+${name}`).join(' '),
        ).then(() => undefined, String);
  const controllers = await words(join(path, 'cgroup.subtree_control'));
  const lacking = NEEDED.filter((name) => !controllers.has(name));
  if (lacking.length === 0) return { path, controllers };
  throw new SetupError(
    `The cgroup ${path} gives no limits of ${lacking.join(' and ')}${problem === undefined ? '' : ` (${problem})`}. It must ` +
      'be a cgroup v2 that is delegated to this process, which itself must be in a group below it: with systemd, ' +
      'Delegate=yes and DelegateSubgroup=main.',
  );
}

/** Root owns every group, so ownership proves nothing for root. */
async function aboveOwn(): Promise<string | undefined> {
  const user = process.getuid?.();
  const own = /^0::(\/.+)$/m.exec(await read('/proc/self/cgroup'))?.[1];
  const mount = / - cgroup2 /.test(await read('/proc/self/mountinfo'))
    ? /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(await read('/proc/self/mountinfo'))?.[1]
    : undefined;
  if (own === undefined || mount === undefined || user === 0) return undefined;
  const path = dirname(join(mount, own));
  const owner = await stat(path).then(
    ({ uid }) => uid,
    () => undefined,
  );
  if (owner !== user) return undefined;
  return (await exists(join(path, 'cgroup.procs'), constants.W_OK)) ? path : undefined;
}

async function remove(path: string): Promise<void> {
  for (let attempt = 0; attempt < REMOVE_ATTEMPTS; attempt += 1) {
    await write(path, 'cgroup.kill', '1').catch(() => {}); // Linux before 5.14 has none
    try {
      return await rmdir(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY') throw error;
      // Its processes are ending.
      await new Promise((resolve) => setTimeout(resolve, 2 * attempt));
    }
  }
}

async function write(path: string, file: string, text: string): Promise<void> {
  await writeFile(join(path, file), text, { flag: 'r+' });
}

async function words(path: string): Promise<Set<string>> {
  return new Set((await read(path)).trim().split(/\s+/).filter(Boolean));
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
