/** A second wall around Deno where bubblewrap works: nothing but Deno's own files, no network, no processes, the system call filter. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { seccompFilter } from '../bubblewrap/seccomp.ts';
import type { Identity } from '../host/identity.ts';
import { findProgram } from '../host/setup.ts';

const FILTER_FD = 3;

/** The program, the libraries that Deno is linked to, and the filter, which the program reads from the fourth stream. */
export type Enclosure = { bwrap: string; libraries: readonly string[]; filter: Buffer };

/** Undefined where bubblewrap is missing or not allowed to make namespaces. */
export async function findEnclosure(
  deno: string,
  identity: Identity | undefined,
): Promise<Enclosure | undefined> {
  const [bwrap, ldd] = [await findProgram('bwrap'), await findProgram('ldd')];
  if (bwrap === undefined || ldd === undefined) return undefined;
  const run = (program: string, args: readonly string[], user?: Identity) =>
    promisify(execFile)(program, args, { cwd: '/', env: {}, ...user });
  try {
    const { stdout } = await run(ldd, [deno]);
    const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
    const trial = [...NAMESPACES, ...'--ro-bind / / --proc /proc -- /bin/true'.split(' ')];
    await run(bwrap, trial, identity);
    return { bwrap, libraries, filter: seccompFilter(process.arch) };
  } catch {
    return undefined;
  }
}

const NAMESPACES =
  '--unshare-all --unshare-user --die-with-parent --cap-drop ALL --hostname sandbox'.split(' ');

/**
 * The command in front of Deno, whose files are in `folder`. Of the system it sees the libraries alone: no driver of a graphics
 * processor and no loader of drivers.
 */
export function enclose({ bwrap, libraries }: Enclosure, folder: string): string[] {
  return [
    bwrap,
    ...NAMESPACES,
    ...[...libraries, folder].flatMap((path) => ['--ro-bind', path, path]),
    ...'--proc /proc --dev /dev --tmpfs /dev/pts'.split(' '),
    ...['/proc', '/dev', '/dev/pts', '/'].flatMap((path) => ['--remount-ro', path]),
    '--chdir',
    folder,
    '--seccomp',
    String(FILTER_FD),
    '--',
  ];
}
