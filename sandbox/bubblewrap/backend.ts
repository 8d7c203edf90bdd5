/**
 * Python in bubblewrap: own user, pid, network, ipc, uts, mount and cgroup namespaces, a read-only view of /usr,
 * size-limited tmpfs folders and nothing else of the host. No host folder is writable inside.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Limits, SandboxBackend } from '../backend.ts';
import { KernelStartError } from '../backend.ts';
import type { Cgroup, CgroupParent } from '../host/cgroup.ts';
import { makeCgroup } from '../host/cgroup.ts';
import type { Identity } from '../host/identity.ts';
import { sandboxIdentity } from '../host/identity.ts';
import type { Channel } from '../kernel/channel.ts';
import { kernelBackend } from '../kernel/kernel.ts';
import { processChannel } from './process-channel.ts';
import { dieFirst } from '../host/processes.ts';
import { seccompFilter } from './seccomp.ts';
import type { Tools } from '../host/setup.ts';
import { processSources } from '../python/sources.ts';

const MEGABYTE = 1024 * 1024;
const SOURCES = '/opt';
const SECCOMP_FD = 5;
const ARGUMENTS_FD = 6;
const FIRST_SOURCE_FD = 7;
/** Folders code can write to, with their sizes: tmpfs, so the size is the quota and nothing stays behind. */
const writableFolders = ({ diskBytes }: Limits) => ({
  '/tmp': 128 * MEGABYTE,
  '/mnt/data': diskBytes,
  '/dev/shm': 16 * MEGABYTE,
});
// Shared libraries and malloc arenas reserve far more addresses than they use.
const ADDRESS_SPACE_ALLOWANCE = 1024 * MEGABYTE;

/** The whole environment of Python. */
const ENVIRONMENT = {
  PATH: '/usr/bin:/bin',
  HOME: '/tmp',
  LANG: 'C.UTF-8',
  MPLBACKEND: 'Agg',
  MPLCONFIGDIR: '/tmp/mpl',
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  PYTHONDONTWRITEBYTECODE: '1',
};

/** The bytes that the launcher reads from each fd. */
type Inputs = ReadonlyMap<number, Buffer>;

/**
 * Starts kernels with the tools that `findTools` found, each in a group below `cgroup` if there is one. Throws SetupError
 * for an account or a processor that it cannot use.
 */
export async function bubblewrapBackend(
  tools: Tools,
  limits: Limits,
  cgroup?: CgroupParent,
): Promise<SandboxBackend> {
  const identity = await sandboxIdentity();
  const command = launchCommand(tools, limits, identity);
  const sources = await processSources();
  const inputs: Inputs = new Map([
    [SECCOMP_FD, seccompFilter(process.arch)],
    [
      ARGUMENTS_FD,
      Buffer.from(bubblewrapArguments(tools, limits, [...sources.keys()]).join('\0') + '\0'),
    ],
    ...[...sources.values()].map((source, index) => [FIRST_SOURCE_FD + index, source] as const),
  ]);
  return kernelBackend(async (signal) => {
    signal?.throwIfAborted();
    const group = cgroup && (await makeCgroup(cgroup, randomUUID(), limits));
    return { channel: await launch(command, inputs, limits, group), limits };
  });
}

async function launch(
  command: string[],
  inputs: Inputs,
  limits: Limits,
  group: Cgroup | undefined,
): Promise<Channel> {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, {
    // bubblewrap's first process is readable inside, with the environment that it inherits.
    env: { PATH: ENVIRONMENT.PATH },
    cwd: '/',
    // A process group of its own, so that one signal reaches all of it.
    detached: true,
    stdio: ['ignore', ...Array.from({ length: 4 + inputs.size }, () => 'pipe' as const)],
  });
  if (child.pid === undefined) {
    const [cause] = (await once(child, 'error')) as [Error];
    await group?.remove();
    throw new KernelStartError(cause.message, { cause });
  }
  dieFirst(child.pid);
  const channel = processChannel(child, Object.keys(writableFolders(limits)), limits, group);
  // Before the launcher has its arguments, so before it starts anything.
  await group?.join(child.pid).catch((cause: unknown) => {
    channel.end();
    throw new KernelStartError(`A process could not be limited: ${String(cause)}`, { cause });
  });
  // The type knows the first five streams only.
  const streams: readonly unknown[] = child.stdio;
  for (const [fd, data] of inputs) (streams[fd] as Writable).end(data);
  return channel;
}

/** Privileges go first: a later change of user would clear the death signal of --die-with-parent. */
function launchCommand(tools: Tools, limits: Limits, identity: Identity | undefined): string[] {
  const drop = identity === undefined ? [] : [tools.setpriv, ...dropTo(identity)];
  const resources = {
    core: 0,
    nofile: 256,
    fsize: limits.diskBytes,
    as: limits.memoryBytes + ADDRESS_SPACE_ALLOWANCE,
    // A safeguard: the limits of cells are of wall time, and a kernel stands still between them.
    cpu: 86_400,
  };
  const caps = Object.entries(resources).map(([name, value]) => `--${name}=${value}`);
  const python = [tools.python, '-I', '-B', `${SOURCES}/driver.py`, String(limits.processes)];
  // Arguments by fd: on a command line they would show host paths to the code inside.
  return [
    ...drop,
    tools.prlimit,
    ...caps,
    '--',
    tools.bwrap,
    '--args',
    String(ARGUMENTS_FD),
    '--',
    ...python,
  ];
}

function dropTo({ uid, gid }: Identity): string[] {
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return [...ids, '--inh-caps=-all', '--no-new-privs', '--'];
}

function bubblewrapArguments(
  { modern, environment }: Tools,
  limits: Limits,
  sources: string[],
): string[] {
  return [
    ...words('--unshare-all --unshare-user --uid 1000 --gid 1000 --die-with-parent --new-session'),
    ...words('--clearenv --cap-drop ALL --hostname sandbox'),
    ...(modern ? ['--disable-userns'] : []),
    ...words('--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin'),
    ...words('--symlink usr/lib /lib --symlink usr/lib64 /lib64'),
    // Without the alternatives numpy does not find its BLAS.
    ...['/etc/alternatives', '/etc/fonts', '/var/cache/fontconfig', '/etc/matplotlibrc'].flatMap(
      readOnly,
    ),
    ...words('--tmpfs /usr/src --remount-ro /usr/src --tmpfs /usr/local --remount-ro /usr/local'),
    ...sources.flatMap((path, index) =>
      words(`--perms 0444 --ro-bind-data ${FIRST_SOURCE_FD + index} ${SOURCES}/${path}`),
    ),
    // Shared memory from /dev/zero would be nobody's; /dev/full reads the same and maps nothing. Terminals are few in a system.
    ...words('--proc /proc --dev /dev --dev-bind /dev/full /dev/zero'),
    ...words('--tmpfs /dev/pts --remount-ro /dev/pts'),
    ...Object.entries(writableFolders(limits)).flatMap(([path, size]) =>
      writable(path, size, modern),
    ),
    ...(environment === undefined ? [] : readOnly(environment)),
    // /dev and / are tmpfs without a size. In /proc a process could undo what the host has set: that it dies first, and the small
    // processor share of its session.
    ...words('--chdir /mnt/data --remount-ro /proc --remount-ro /dev --remount-ro /'),
    ...Object.entries(ENVIRONMENT).flatMap(([name, value]) => ['--setenv', name, value]),
    ...words(`--seccomp ${SECCOMP_FD}`),
  ];
}

function readOnly(path: string): string[] {
  return ['--ro-bind-try', path, path];
}

function writable(path: string, size: number, modern: boolean): string[] {
  return ['--perms', '0700', ...(modern ? ['--size', String(size)] : []), '--tmpfs', path];
}

function words(text: string): string[] {
  return text.split(' ');
}
