import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { REFUSED } from '../../sandbox/syscalls.ts';
import { logsOf, openSandbox } from './support/index.ts';

/** Must appear in no output: it is in a file, an environment variable and the greeting of three listeners. */
const CANARY = randomBytes(16).toString('hex');
const folder = await mkdtemp(join(tmpdir(), 'threadmill-escapes-'));
const canaryFile = join(folder, 'canary');
await writeFile(canaryFile, CANARY, { mode: 0o644 });
process.env['THREADMILL_ESCAPE_CANARY'] = CANARY;

const connections: string[] = [];
const listen = async (where: { port: number; host: string } | { path: string }) => {
  const server = createServer((socket: Socket) => {
    connections.push(JSON.stringify(where));
    socket.on('error', () => {}).end(CANARY);
  });
  await once(server.listen(where), 'listening');
  return server;
};
const abstractName = `threadmill-${CANARY.slice(0, 8)}`;
const tcp = await listen({ host: '127.0.0.1', port: 0 });
const servers = [
  tcp,
  await listen({ path: join(folder, 'socket') }),
  await listen({ path: `\0${abstractName}` }),
];
const { port } = tcp.address() as AddressInfo;

const sandbox = await openSandbox();
const SYSCALL_COLUMN = process.arch === 'arm64' ? 1 : 0;

/** `attempt(f)` prints how `f` was refused, or that it was not. */
const PRELUDE = `
import ctypes, errno, fcntl, glob, mmap, os, signal, socket, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        value = action()
    except (OSError, ValueError) as error:
        print('refused', type(error).__name__, errno.errorcode.get(getattr(error, 'errno', None), ''))
    else:
        print('ESCAPED', repr(value)[:200])
def call(function, *arguments):
    ctypes.set_errno(0)
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return 'done'
def connect(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        return s.recv(100)
def write(path, text='x'):
    with open(path, 'w') as file:
        file.write(text)
None
`;

/** Each must be refused. Paths and ports are the host's. */
const ATTEMPTS: [name: string, expression: string][] = [
  ['read a file of the host', `open(${JSON.stringify(canaryFile)}).read()`],
  [
    'read it through the root of pid 1',
    `open('/proc/1/root' + ${JSON.stringify(canaryFile)}).read()`,
  ],
  [
    'read it through the folder of pid 1',
    `open('/proc/1/cwd' + ${JSON.stringify(canaryFile)}).read()`,
  ],
  ['read /etc/shadow', `open('/etc/shadow').read()`],
  ['read /etc/passwd', `open('/etc/passwd').read()`],
  [
    'read /etc/shadow through a link',
    `(os.symlink('/etc/shadow', '/mnt/data/s'), open('/mnt/data/s').read())`,
  ],
  ['list home folders', `os.listdir('/home') + os.listdir('/root')`],
  ['list /sys', `os.listdir('/sys/kernel')`],
  ['list /run', `os.listdir('/run')`],
  ['open a disk', `open('/dev/vda', 'rb').read(1) or open('/dev/sda', 'rb').read(1)`],
  ['open the memory of the machine', `open('/dev/mem', 'rb').read(1)`],
  ['open /proc/kcore', `open('/proc/kcore', 'rb').read(4096)[1000]`],
  ['read the kernel log', `open('/dev/kmsg').read(10)`],
  ['write /usr', `write('/usr/bin/canary')`],
  ['write /usr/local', `write('/usr/local/canary')`],
  ['write the root folder', `write('/canary')`],
  ['write /dev', `write('/dev/canary')`],
  ['write the driver', `write('/opt/driver.py')`],
  ['write /proc/sys', `write('/proc/sys/kernel/core_pattern', '|/bin/sh')`],
  ['press a magic key', `write('/proc/sysrq-trigger', 'h')`],
  ['raise its user namespace limit', `write('/proc/sys/user/max_user_namespaces', '100')`],
  ['map itself to root', `write('/proc/self/uid_map', '0 0 1')`],
  [
    'connect to a listener of the host',
    `connect(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', ${port}))`,
  ],
  ['connect to the internet', `connect(socket.AF_INET, socket.SOCK_STREAM, ('1.1.1.1', 80))`],
  ['connect over IPv6', `connect(socket.AF_INET6, socket.SOCK_STREAM, ('::1', ${port}))`],
  ['send a datagram', `connect(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', ${port}))`],
  ['resolve a name', `socket.getaddrinfo('example.com', 80)`],
  ['open a raw socket', `socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)`],
  ['open a packet socket', `socket.socket(socket.AF_PACKET, socket.SOCK_RAW)`],
  ['open a netlink socket', `socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)`],
  ['open a vsock', `socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)`],
  [
    'reach a unix socket of the host',
    `connect(socket.AF_UNIX, socket.SOCK_STREAM, ${JSON.stringify(join(folder, 'socket'))})`,
  ],
  [
    'reach an abstract unix socket of the host',
    `connect(socket.AF_UNIX, socket.SOCK_STREAM, '\\0${abstractName}')`,
  ],
  ['mount a file system', `call(libc.mount, b'none', b'/mnt/data', b'tmpfs', 0, None)`],
  ['make the root writable again', `call(libc.mount, None, b'/', None, 32 | 4096, None)`],
  ['unmount /proc', `call(libc.umount2, b'/proc', 2)`],
  ['make a user namespace', `call(libc.unshare, 0x10000000)`],
  ['make a mount namespace', `call(libc.unshare, 0x00020000)`],
  [
    'fork into a user namespace',
    `call(libc.clone, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0), ctypes.addressof(ctypes.create_string_buffer(65536)) + 65536, 0x10000000 | 17, None)`,
  ],
  [
    'run unshare',
    `subprocess.run(['unshare', '-Ur', 'id'], check=False, stderr=2).returncode == 0 or os.open('/none', 0)`,
  ],
  [
    'run bubblewrap again',
    `subprocess.run(['bwrap', '--unshare-all', '--dev-bind', '/', '/', 'true'], check=False).returncode == 0 or os.open('/none', 0)`,
  ],
  [
    'enter the namespaces of pid 1',
    `call(libc.setns, os.open('/proc/1/ns/net', 0), 0) and os.listdir('/home')`,
  ],
  ['trace pid 1', `call(libc.ptrace, 16, 1, 0, 0)`],
  ['read the memory of pid 1', `call(libc.process_vm_readv, 1, None, 0, None, 0, 0)`],
  ['become root', `os.setuid(0)`],
  ['change its groups', `os.setgroups([0])`],
  [
    'gain rights through a setuid program',
    `subprocess.run(['su', '-c', 'true'], check=False, stderr=2).returncode == 0 or os.open('/none', 0)`,
  ],
  ['change its root folder', `os.chroot('/mnt')`],
  ['make a device', `os.mknod('/mnt/data/disk', 0o660 | 0o060000, os.makedev(254, 0))`],
  ['set the clock', `__import__('time').clock_settime(0, 0)`],
  ['set the host name', `socket.sethostname('canary')`],
  ['push input into a terminal', `fcntl.ioctl(0, 0x5412, b'x')`],
  ['open the terminal of the host', `os.open('/dev/tty', os.O_RDWR)`],
  ['signal a process of the host', `os.kill(${process.pid}, 0)`],
  ['raise its process limit', `__import__('resource').setrlimit(6, (10_000, 10_000))`],
  ['lower its nice value', `os.nice(-5)`],
];

describe.skipIf(!sandbox.status.ok)('code in a cell cannot', () => {
  const outputs: string[] = [];
  const logs = async (code: string) => {
    const text = await logsOf(sandbox, 'escapes', code);
    outputs.push(text);
    return text;
  };
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]();
    servers.forEach((server) => server.close());
    await rm(folder, { recursive: true });
  });

  test.each(ATTEMPTS)('%s', async (_, expression) => {
    expect(await logs(`${PRELUDE}\nattempt(lambda: ${expression})`)).toMatch(/refused \w+ ?\w*\n$/);
  });

  test('use any refused system call', async () => {
    const calls = Object.entries(REFUSED).flatMap(([name, numbers]) => {
      const number = numbers[SYSCALL_COLUMN];
      return number === undefined ? [] : [[name, number]];
    });
    const code = `${PRELUDE}
for name, number in ${JSON.stringify(calls)}:
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
        print('ESCAPED', name, ctypes.get_errno())`;
    expect(await logs(code)).toBe('');
  });

  test('see processes of the host', async () => {
    const code = `sorted(int(name) for name in os.listdir('/proc') if name.isdigit())`;
    expect(await logs(`${PRELUDE}\n${code}`)).toBe('[1, 2]\n');
  });

  test('find the environment or the command line of the host', async () => {
    const code = `
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    print(open(path).read())
print(os.environ)`;
    const text = await logs(`${PRELUDE}\n${code}`);
    expect(text).not.toContain('THREADMILL');
    expect(text).not.toContain(process.cwd());
  });

  test('see more network than a silent loopback', async () => {
    expect(
      await logs(
        `${PRELUDE}\n[name for _, name in socket.if_nameindex()] if 0 else open('/proc/net/dev').read().count(':')`,
      ),
    ).toBe('1\n');
    expect(await logs(`${PRELUDE}\nopen('/proc/net/unix').read().count('\\n') < 5`)).toBe('True\n');
  });

  test('find set-user-id rights that work', async () => {
    expect(await logs(`open('/proc/self/status').read().count('NoNewPrivs:\\t1')`)).toBe('1\n');
    expect(
      await logs(
        `[line for line in open('/proc/self/status') if line.startswith('Cap') and int(line.split()[1], 16)]`,
      ),
    ).toBe('[]\n');
  });

  test('gain anything by taking over pid 1, which is its own user', async () => {
    const code = `
names = ('Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')
def confinement(pid):
    lines = dict(line.split(':', 1) for line in open(f'/proc/{pid}/status'))
    spaces = [os.readlink(f'/proc/{pid}/ns/{name}') for name in ('pid', 'net', 'mnt', 'ipc', 'uts', 'user')]
    return [lines[name] for name in names] + spaces
confinement(1) == confinement('self')`;
    expect(await logs(`${PRELUDE}\n${code}`)).toBe('True\n');
  });

  test('reach its pipes of the host through /proc', async () => {
    const code = `
for path in glob.glob('/proc/1/fd/*') + ['/proc/self/fd/3', '/proc/self/fd/4']:
    try:
        print(os.open(path, os.O_RDWR), os.readlink(path))
    except OSError:
        pass`;
    const text = await logs(`${PRELUDE}\n${code}`);
    expect(text.split('\n').filter((line) => line !== '' && !line.endsWith('/dev/null'))).toEqual(
      [],
    );
  });

  test('make the canary appear anywhere', () => {
    expect(outputs.length).toBeGreaterThan(ATTEMPTS.length);
    expect(outputs.filter((text) => text.includes(CANARY) || text.includes('ESCAPED'))).toEqual([]);
    expect(connections).toEqual([]);
  });
});
