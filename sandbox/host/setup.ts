/** Finds the programs that the sandbox needs on this machine. Errors say how to install a missing one. */
import { execFile } from 'node:child_process';
import { access, constants, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The machine lacks something; the message names the remedy. */
export class SetupError extends Error {
  override name = 'SetupError';
}

/** Absolute paths, and the abilities of the installed bubblewrap. */
export type Tools = {
  bwrap: string;
  setpriv: string;
  prlimit: string;
  python: string;
  /** The virtual environment of `python`, a folder to show to the sandbox. */
  environment: string | undefined;
  /** bubblewrap 0.8 and later: sizes of tmpfs mounts, and no user namespaces inside. */
  modern: boolean;
};

const INSTALL =
  'Install it with: apt-get install bubblewrap python3 python3-numpy python3-pandas python3-matplotlib fonts-noto-cjk';
// Fixed, not PATH: the programs that confine code must not come from a folder that the environment names.
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
// Masked inside the sandbox: container images keep applications and their secrets there.
const MASKED = ['/usr/local/', '/usr/src/'];

/** Throws SetupError. */
export async function findTools(python: string): Promise<Tools> {
  const bwrap = await findTool('bwrap', 'bubblewrap');
  const { stdout } = await promisify(execFile)(bwrap, ['--help'], { env: {} });
  return {
    bwrap,
    setpriv: await findTool('setpriv', 'util-linux'),
    prlimit: await findTool('prlimit', 'util-linux'),
    python,
    environment: await findEnvironment(python),
    modern: stdout.includes('--disable-userns') && stdout.includes('--size'),
  };
}

/** Undefined when the system has no such program. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    if (await isExecutable(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

async function findTool(name: string, packageName: string): Promise<string> {
  const program = await findProgram(name);
  if (program !== undefined) return program;
  throw new SetupError(`${packageName} is missing (no '${name}' in ${FOLDERS[0]}). ${INSTALL}`);
}

async function findEnvironment(python: string): Promise<string | undefined> {
  if (!python.startsWith('/') || !(await isExecutable(python))) {
    throw new SetupError(`There is no Python at '${python}'. ${INSTALL}`);
  }
  const folder = join(await realpath(dirname(python)), '/');
  if (folder.startsWith('/usr/') && !MASKED.some((masked) => folder.startsWith(masked))) {
    return undefined;
  }
  const environment = dirname(folder);
  const marker = join(environment, 'pyvenv.cfg');
  if (
    await access(marker).then(
      () => true,
      () => false,
    )
  ) {
    return environment;
  }
  throw new SetupError(
    `The sandbox cannot use the Python at '${python}': it must be the system's own, such as /usr/bin/python3, ` +
      `or belong to a virtual environment made with it. ${INSTALL}`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A hint for the operator, from what the launcher printed. */
export function launchHint(printed: string): string {
  if (printed.startsWith('setpriv')) {
    return 'Root cannot become an ordinary user here: run this process as an ordinary user.';
  }
  if (/mount proc|mounting proc/i.test(printed)) {
    return 'In a container, /proc must not be masked: run it with --security-opt systempaths=unconfined.';
  }
  if (/namespace|uid map|Operation not permitted|Permission denied/i.test(printed)) {
    return (
      'This system seems to block user namespaces for ordinary users. On Ubuntu 24.04 and later load the AppArmor ' +
      'profile bwrap-userns-restrict or run: sysctl kernel.apparmor_restrict_unprivileged_userns=0. Elsewhere run: ' +
      'sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000. In a container add --security-opt ' +
      'seccomp=unconfined --security-opt apparmor=unconfined (or profiles that allow unshare, clone and mount).'
    );
  }
  return INSTALL;
}
