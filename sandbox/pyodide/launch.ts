/** Starts Deno with as few permissions as possible, and with the limits of the operating system. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Identity } from '../host/identity.ts';
import { findProgram } from '../host/setup.ts';
import type { KernelDirectory } from './directory.ts';
import type { Enclosure } from './enclosure.ts';
import { enclose } from './enclosure.ts';

/** Programs of util-linux, if they are installed, and the user that Deno runs as, if not the user of this process. */
export type LaunchOptions = {
  setpriv: string | undefined;
  prlimit: string | undefined;
  identity?: Identity;
  /** Undefined where bubblewrap does not work. */
  enclosure?: Enclosure | undefined;
};

/** The files that Deno runs, and how it is started. */
export type Pyodide = { directory: KernelDirectory; launch: LaunchOptions };

const MEGABYTE = 1024 * 1024;
// V8 maps more than a gigabyte at its start; the host measures the memory that is used.
const DATA_BYTES = 3_072 * MEGABYTE;
const JAVASCRIPT_HEAP_MEGABYTES = 512;
const NICER = 5;

/** The whole environment. */
const ENVIRONMENT = {
  PATH: '/usr/bin:/bin',
  HOME: '/nonexistent',
  NO_COLOR: '1',
  DENO_NO_UPDATE_CHECK: '1',
  // A folder that cannot be made: without this the Cache API writes to the disk, in spite of --deny-write.
  DENO_DIR: '/dev/null/x',
  // No permission guards WebGPU, whose drivers are native code of the host. With this backend none is loaded.
  DENO_WEBGPU_BACKEND: 'noop',
};

/** No questions, no code from elsewhere, no settings of the user. */
const ALONE = [
  '--no-prompt',
  '--no-remote',
  '--cached-only',
  '--no-npm',
  '--no-config',
  '--no-lock',
];
const FORBIDDEN = ['net', 'import', 'env', 'run', 'ffi', 'sys', 'write'];

/** The arguments that confine `script`. */
export function denoArguments(readable: string, script: string): string[] {
  return [
    'run',
    ...ALONE,
    ...FORBIDDEN.map((right) => `--deny-${right}`),
    `--allow-read=${readable}`,
    `--v8-flags=--max-old-space-size=${JAVASCRIPT_HEAP_MEGABYTES},--wasm-lazy-compilation`,
    join(readable, script),
  ];
}

/** Starts `script` of the kernel directory in a process group of its own. Without a pid it did not start: see 'error'. */
export function launchDeno(
  { deno, readable }: KernelDirectory,
  args: string[],
  options: LaunchOptions & { stdio: ('pipe' | 'ignore')[] },
): ChildProcess {
  const { enclosure } = options;
  const inside = enclosure === undefined ? [] : enclose(enclosure, dirname(deno));
  const [program = '', ...rest] = [...wrap(options), ...inside, deno, ...args];
  const child = spawn(program, rest, {
    env: ENVIRONMENT,
    cwd: readable,
    detached: true,
    stdio: enclosure === undefined ? options.stdio : [...options.stdio, 'pipe'],
    ...options.identity,
  });
  (child.stdio[3] as Writable | null | undefined)?.end(enclosure?.filter);
  if (child.pid !== undefined) lowerPriority(child.pid);
  return child;
}

/** Without these programs Deno alone confines the code. */
export async function findWrappers(): Promise<Pick<LaunchOptions, 'setpriv' | 'prlimit'>> {
  return { setpriv: await findProgram('setpriv'), prlimit: await findProgram('prlimit') };
}

/** Each wrapper replaces itself by the program that it starts. */
function wrap({ setpriv, prlimit }: LaunchOptions): string[] {
  // Deno ends when its input does. Code in a cell could read that end away, so Linux ends it too.
  const confined = ['--no-new-privs', '--pdeathsig', 'KILL', '--'];
  const limits = { core: 0, nofile: 256, fsize: 0, data: DATA_BYTES, cpu: 86_400 };
  const caps = Object.entries(limits).map(([name, value]) => `--${name}=${value}`);
  return [
    ...(setpriv === undefined ? [] : [setpriv, ...confined]),
    ...(prlimit === undefined ? [] : [prlimit, ...caps, '--']),
  ];
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICER);
  } catch {
    // It has ended: an event follows.
  }
}
