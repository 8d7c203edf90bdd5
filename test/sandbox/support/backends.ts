/** The backends that the suites of this folder run against, and some that are weaker on purpose. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Limits, SandboxBackend } from '../../../sandbox/backend.ts';
import { bubblewrapBackend } from '../../../sandbox/bubblewrap/backend.ts';
import { chooseBackend } from '../../../sandbox/choose-backend.ts';
import type { SandboxOptions } from '../../../sandbox/index.ts';
import { createSandbox, limitsOf } from '../../../sandbox/index.ts';
import { remoteBackend } from '../../../sandbox/remote/client.ts';
import { findTools } from '../../../sandbox/host/setup.ts';
import { Sandboxd } from '../../../sandboxd/server.ts';
import type { Canaries } from './canaries.ts';
import { PYTHON } from './index.ts';
import { mayRun } from './machine.ts';
import type { Probe } from './escapes.ts';
import { TOKEN } from './sandboxd.ts';

export type TestBackend = {
  name: string;
  /** Which probes mean something. */
  probes: readonly Probe['on'][];
  /** Probes of its own. */
  more?: (canaries: Canaries) => Probe[];
  /** Undefined where it is not installed: see `mayRun`. */
  open(): Promise<SandboxBackend | undefined>;
};

const options: SandboxOptions = {
  backend: 'bubblewrap',
  python: PYTHON,
  cellSoftSeconds: 10,
  cellHardSeconds: 12,
  spare: false,
};

export const BACKENDS: TestBackend[] = [
  {
    name: 'bubblewrap',
    probes: ['any', 'linux'],
    async open() {
      await using sandbox = await createSandbox(options);
      if (!(await mayRun('bubblewrap', sandbox.status))) return undefined;
      return bubblewrapBackend(await findTools(PYTHON), limitsOf(options));
    },
  },
  { name: 'bubblewrap behind sandboxd', probes: ['any', 'linux'], open: openRemote },
];

/** What bubblewrap confines, behind a connection. */
async function openRemote(): Promise<SandboxBackend | undefined> {
  const limits = limitsOf(options);
  const { status, open } = await chooseBackend(options, limits);
  if (!(await mayRun('bubblewrap', status)) || open === undefined) return undefined;
  const server = new Sandboxd({ status, open, limits, maxKernels: 4, token: TOKEN });
  const port = (await server.listen({ host: '127.0.0.1', port: 0 })) ?? 0;
  afterAll(() => server[Symbol.asyncDispose]());
  return remoteBackend({ address: { host: '127.0.0.1', port }, token: TOKEN, limits });
}

/** More memory than there is, so that the watch ends no kernel before the probe has seen what is wrong. */
export const UNWATCHED = { memoryBytes: 2 ** 45 };

/** What is changed of bubblewrap's arguments, as Python over the list `args`, and which probes must see it. */
export const WEAKENED: {
  name: string;
  change: (canaries: Canaries) => string;
  seenBy: string[];
}[] = [
  {
    name: 'the network of the host',
    change: () => `args += [b'--share-net']`,
    seenBy: [
      'reach an abstract unix socket of the host',
      'see more network than a silent loopback',
    ],
  },
  {
    name: 'a folder of the host',
    change: ({ folder }) => `args += [b'--bind', b'${folder}', b'${folder}']`,
    seenBy: [
      'read a file of the host',
      'list the folder of the canary',
      'reach a unix socket of the host',
    ],
  },
  {
    name: 'every system call',
    change: () => `at = args.index(b'--seccomp'); del args[at:at + 2]`,
    seenBy: [
      'use any refused system call',
      'be without a system call filter',
      'keep memory in a memfd',
      'keep shared memory without a file',
    ],
  },
  {
    name: 'the environment of the host',
    change: ({ variable, token }) =>
      `args.remove(b'--clearenv'); os.environ['${variable}'] = '${token}'`,
    seenBy: ['find the canary in its environment', 'find the environment of the host'],
  },
  {
    name: 'a root folder that can be written',
    change: () => without('--remount-ro', '/'),
    seenBy: ['write the root folder', 'find a writable place outside its folders'],
  },
  {
    name: 'devices that can be written',
    change: () => without('--remount-ro', '/dev'),
    seenBy: ['write /dev'],
  },
  {
    name: 'another user',
    change: () => `at = args.index(b'--uid'); args[at + 1] = b'0'`,
    seenBy: ['be another user than its own', 'become root'],
  },
  {
    name: 'devices that share memory',
    change: () => without('--dev-bind', '/dev/full', '/dev/zero'),
    seenBy: ['keep shared memory of a device'],
  },
  {
    name: 'the terminals of the machine',
    change: () => `${without('--tmpfs', '/dev/pts')}; ${without('--remount-ro', '/dev/pts')}`,
    seenBy: ['take the terminals of the machine'],
  },
];

/** Python that takes these neighbours out of `args`. */
function without(...words: string[]): string {
  const wanted = `[${words.map((word) => `b'${word}'`).join(', ')}]`;
  return `at = [args[n:n + ${words.length}] for n in range(len(args))].index(${wanted}); del args[at:at + ${words.length}]`;
}

/** Bubblewrap behind a launcher that changes its arguments. */
export async function weakenedBackend(
  change: string,
  more: Partial<Limits> = {},
): Promise<SandboxBackend & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-weakened-'));
  await chmod(folder, 0o755);
  const tools = await findTools(PYTHON);
  const launcher = join(folder, 'bwrap');
  await writeFile(launcher, launcherScript(tools.bwrap, change), { mode: 0o755 });
  const limits = { ...limitsOf(options), ...more };
  const backend = await bubblewrapBackend({ ...tools, bwrap: launcher }, limits);
  return {
    ...backend,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const launcherScript = (bwrap: string, change: string) => `#!/usr/bin/python3 -I
import os, sys
data = b''
while chunk := os.read(6, 65536):
    data += chunk
args = data.split(b'\\0')[:-1]
${change}
read, write = os.pipe()
os.write(write, b'\\0'.join(args) + b'\\0')
os.close(write)
os.dup2(read, 6)
os.execv('${bwrap}', ['bwrap', *sys.argv[1:]])
`;
