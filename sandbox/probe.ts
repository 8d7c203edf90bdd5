/** Runs real cells in a new kernel to test each guarantee, and to list the installed packages. */
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellOutcome, Kernel, SandboxBackend } from './backend.ts';

/** The result of a probe. `reason`: an escape that succeeded. */
export type ProbeResult = {
  reason?: string;
  guarantees: string[];
  packages: string[];
  python?: string;
};

/** A cell that fails unless the guarantee holds. */
export type Check = { guarantee: string; code: string };

/** A file and a listener of the host that the sandbox must not reach. */
export type Canaries = { file: string; port: number };

/** The checks of a backend, and a cell that prints one JSON line {python, packages}. */
export type Probing = { checks: (canaries: Canaries) => Check[]; inventory: string };

/** Starts a kernel, tries to escape from it, and lists its packages. Throws KernelStartError. */
export async function probe(
  backend: SandboxBackend,
  probing: Probing = { checks: escapeChecks, inventory: INVENTORY },
): Promise<ProbeResult> {
  const kernel = await backend.start();
  try {
    return await withCanaries(async (canaries) => {
      const guarantees: string[] = [];
      for (const { guarantee, code } of probing.checks(canaries)) {
        const outcome = await kernel.run(code);
        if (outcome.status !== 'ok') {
          return {
            reason: `A check failed: ${guarantee}. ${lastLine(outcome)}`,
            guarantees,
            packages: [],
          };
        }
        guarantees.push(guarantee);
      }
      return { guarantees, ...(await inventory(kernel, probing.inventory)) };
    });
  } finally {
    await kernel.kill('The probe has ended.');
  }
}

/** Provides canaries while `use` runs. */
async function withCanaries<T>(use: (canaries: Canaries) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-probe-'));
  const server = createServer();
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    // The file is to be hidden by the sandbox, not by the rights of its folder.
    await chmod(folder, 0o755);
    const file = join(folder, 'canary');
    await writeFile(file, 'canary', { mode: 0o644 });
    return await use({ file, port: (server.address() as AddressInfo).port });
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
}

/** Each cell fails unless the guarantee holds. */
function escapeChecks({ file, port }: Canaries): Check[] {
  return [
    { guarantee: 'runs as an unprivileged user without capabilities', code: UNPRIVILEGED },
    { guarantee: 'sees no files of the host but a read-only /usr', code: noFiles(file) },
    { guarantee: 'sees no environment of the host', code: NO_ENVIRONMENT },
    { guarantee: 'sees no processes of the host', code: NO_PROCESSES },
    { guarantee: 'has no network', code: noNetwork(port) },
    { guarantee: 'filters system calls', code: FILTERED },
    { guarantee: 'shares no memory and no terminal by a device', code: NO_DEVICES },
    { guarantee: 'limits processes and address space', code: LIMITED },
  ];
}

const UNPRIVILEGED = `
import os
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
assert os.getuid() == os.geteuid() == 1000, 'wrong user'
assert int(status['CapEff'], 16) == int(status['CapBnd'], 16) == 0, 'capabilities left'
assert int(status['NoNewPrivs']) == 1, 'privileges can be gained'
`;

const noFiles = (file: string) => `
import os
assert not os.path.exists(${JSON.stringify(file)}), 'a file of the host is visible'
assert not any(os.path.exists(path) for path in ('/home', '/root', '/etc/passwd', '/sys', '/run')), 'host folders'
for path in ('/canary', '/usr/canary', '/usr/local/canary', '/dev/canary', '/opt/driver.py', '/opt/threadmill/cells.py'):
    try:
        open(path, 'a').close()
    except OSError:
        continue
    raise AssertionError(path + ' is writable')
`;

const NO_ENVIRONMENT = `
known = {'PATH', 'HOME', 'LANG', 'PWD', 'MPLBACKEND', 'MPLCONFIGDIR', 'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS',
         'PYTHONDONTWRITEBYTECODE', 'LC_CTYPE'}
for process in ('self', '1'):
    names = {entry.split('=')[0] for entry in open(f'/proc/{process}/environ').read().split('\\0') if entry}
    assert names <= known, f'variables of the host: {names - known}'
`;

const NO_PROCESSES = `
import os
pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
assert max(pids) < 10 and len(pids) <= 3, f'processes {pids}'
`;

const noNetwork = (port: number) => `
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_STREAM).connect(('127.0.0.1', ${port}))
    except OSError:
        continue
    raise AssertionError('a connection was made')
assert [line.split(':')[0].strip() for line in open('/proc/net/dev')][2:] in ([], ['lo']), 'network interfaces'
`;

const FILTERED = `
import ctypes
assert 'Seccomp:\\t2' in open('/proc/self/status').read(), 'no filter'
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == 1, 'a user namespace was made'
assert libc.ptrace(0, 0, 0, 0) == -1 and ctypes.get_errno() == 1, 'ptrace is allowed'
`;

const NO_DEVICES = `
import mmap, os
for take in (lambda: mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096), os.openpty):
    try:
        take()
    except OSError:
        continue
    raise AssertionError('a device of the host can be used')
`;

const LIMITED = `
import resource
for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
    soft, hard = resource.getrlimit(limit)
    assert 0 < soft == hard, 'a limit is missing'
`;

/**
 * One JSON line: the version of Python, and of each installed package. Importing all of them would add two
 * seconds to every start; numpy alone shows whether native libraries load.
 */
const INVENTORY = `
import importlib.metadata, importlib.util, json, platform
found = []
for name, module in (('numpy', 'numpy'), ('pandas', 'pandas'), ('matplotlib', 'matplotlib'), ('scipy', 'scipy'),
                     ('sympy', 'sympy'), ('pillow', 'PIL'), ('openpyxl', 'openpyxl')):
    try:
        if module == 'numpy':
            import numpy
        if importlib.util.find_spec(module):
            found.append(name + ' ' + importlib.metadata.version(name))
    except Exception:
        pass
print(json.dumps({'python': platform.python_version(), 'packages': found}))
`;

async function inventory(
  kernel: Kernel,
  code: string,
): Promise<{ packages: string[]; python?: string }> {
  const outcome = await kernel.run(code);
  if (outcome.status !== 'ok') return { packages: [] };
  const { python, packages } = JSON.parse(lastLine(outcome)) as {
    python: string;
    packages: string[];
  };
  return { python, packages };
}

function lastLine({ outputs }: CellOutcome): string {
  const logs = outputs.map((output) => (output.type === 'logs' ? output.logs : '')).join('');
  return logs.trimEnd().split('\n').at(-1) ?? '';
}
