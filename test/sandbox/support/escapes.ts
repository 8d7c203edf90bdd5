/** Ways out of a sandbox, as cells: one table for every backend, and a verdict for each. */
import type { Kernel } from '../../../sandbox/backend.ts';
import { REFUSED } from '../../../sandbox/bubblewrap/syscalls.ts';
import type { Canaries } from './canaries.ts';

/** `linux`: only where Python is a process of a Linux kernel. */
export type Probe = { name: string; on: 'any' | 'linux'; expression: string };

/** What came of a probe; `output` is what the cell printed. */
export type Finding = { name: string; escaped: boolean; output: string };

const SYSCALL_COLUMN = process.arch === 'arm64' ? 1 : 0;

/** `attempt(f)` prints how `f` was refused, or that it was not; `leaks(x)` refuses when x is empty. */
const PRELUDE = `
import errno, glob, os, signal, socket, struct, subprocess, sys
LINUX = sys.platform == 'linux'
if LINUX:
    import ctypes, fcntl, mmap
    libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        value = action()
    except (OSError, ValueError) if LINUX else BaseException as error:
        print('refused', type(error).__name__, errno.errorcode.get(getattr(error, 'errno', None), ''))
    else:
        print('ESCAPED', repr(value)[:500])
def leaks(value):
    if not value:
        raise PermissionError(errno.EPERM, 'nothing leaks')
    return value
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
def run(*command):
    if subprocess.run(command, check=False, stderr=2).returncode != 0:
        raise OSError(errno.EPERM, 'it failed')
def read(path):
    try:
        return open(path, errors='replace').read()
    except OSError:
        return ''
def opens(path):
    try:
        return os.close(os.open(path, os.O_RDWR)) is None
    except OSError:
        return False
def status(pid):
    return dict(line.split(':', 1) for line in open(f'/proc/{pid}/status'))
def survives(action):
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0
def refusal(number):
    ctypes.set_errno(0)
    return libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()
None
`;

/** Every probe, for code that is confronted with these canaries. */
export function escapeProbes(canaries: Canaries): Probe[] {
  return [
    ...anywhere(canaries).map(([name, expression]) => ({ name, on: 'any' as const, expression })),
    ...onLinux(canaries).map(([name, expression]) => ({ name, on: 'linux' as const, expression })),
  ];
}

/** Tries all of them in one kernel. What is not refused in so many words has escaped. */
export async function tryToEscape(
  kernel: Kernel,
  probes: readonly Probe[],
  canary: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, expression } of probes) {
    const { status, outputs } = await kernel.run(`${PRELUDE}\nattempt(lambda: ${expression})`);
    const output = outputs.map((part) => (part.type === 'logs' ? part.logs : '[image]')).join('');
    const refused = status === 'ok' && /^refused \w+ ?\w*\n$/m.test(output);
    findings.push({
      name,
      output,
      escaped: !refused || /ESCAPED/.test(output) || output.includes(canary),
    });
  }
  return findings;
}

type Row = readonly [name: string, expression: string];

function anywhere(canaries: Canaries): Row[] {
  return [
    ['read a file of the host', `open(${JSON.stringify(canaries.file)}).read()`],
    ['read /etc/shadow', `open('/etc/shadow').read()`],
    ['read /etc/passwd', `open('/etc/passwd').read()`],
    [
      'read /etc/shadow through a link',
      `(os.symlink('/etc/shadow', '/mnt/data/s'), open('/mnt/data/s').read())`,
    ],
    ['list home folders', `os.listdir('/home') + os.listdir('/root')`],
    ['list /sys', `os.listdir('/sys/kernel')`],
    ['list /run', `os.listdir('/run')`],
    ['write /usr', `write('/usr/bin/canary')`],
    [
      'connect to a listener of the host',
      `connect(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', ${canaries.port}))`,
    ],
    ['connect to the internet', `connect(socket.AF_INET, socket.SOCK_STREAM, ('1.1.1.1', 80))`],
    [
      'connect over IPv6',
      `connect(socket.AF_INET6, socket.SOCK_STREAM, ('::1', ${canaries.port}))`,
    ],
    [
      'send a datagram',
      `connect(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', ${canaries.port}))`,
    ],
    [
      'reach a unix socket of the host',
      `connect(socket.AF_UNIX, socket.SOCK_STREAM, ${JSON.stringify(canaries.socket)})`,
    ],
    [
      'reach an abstract unix socket of the host',
      `connect(socket.AF_UNIX, socket.SOCK_STREAM, '\\0${canaries.abstractName}')`,
    ],
    ['run unshare', `run('unshare', '-Ur', 'id')`],
    ['become root', `os.setuid(0)`],
    ['change its root folder', `os.chroot('/mnt')`],
    ['signal a process of the host', `os.kill(${process.pid}, 0)`],
    [
      'find the canary in its environment',
      `leaks([value for value in os.environ.values() if ${JSON.stringify(canaries.token)} in value])`,
    ],
    [
      'find variables of the host',
      `leaks([name for name in os.environ if name.startswith('THREADMILL') or name in ('HOSTNAME', 'USER', 'npm_config_cache', 'NODE_ENV')])`,
    ],
    [
      'find the path of this checkout',
      `leaks([path for path in [*sys.path, os.getcwd(), __import__('tempfile').gettempdir(), sys.executable or ''] if path.startswith(${JSON.stringify(process.cwd())})])`,
    ],
    ['write where the canary is', `write(${JSON.stringify(`${canaries.file}.new`)})`],
    ['list the folder of the canary', `os.listdir(${JSON.stringify(canaries.folder)})`],
    ['run a program of the host', `run(${JSON.stringify(process.execPath)}, '-e', '0')`],
  ];
}

function onLinux(canaries: Canaries): Row[] {
  return [
    // Others have files of their own there, and names without a network.
    ['write the root folder', `write('/canary')`],
    ['resolve a name', `socket.getaddrinfo('example.com', 80)`],
    [
      'read it through the root of pid 1',
      `open('/proc/1/root' + ${JSON.stringify(canaries.file)}).read()`,
    ],
    [
      'read it through the folder of pid 1',
      `open('/proc/1/cwd' + ${JSON.stringify(canaries.file)}).read()`,
    ],
    ['open a disk', `open('/dev/vda', 'rb').read(1) or open('/dev/sda', 'rb').read(1)`],
    ['open the memory of the machine', `open('/dev/mem', 'rb').read(1)`],
    ['open /proc/kcore', `open('/proc/kcore', 'rb').read(4096)[1000]`],
    ['read the kernel log', `open('/dev/kmsg').read(10)`],
    ['write /usr/local', `write('/usr/local/canary')`],
    ['write /dev', `write('/dev/canary')`],
    ['write the driver', `write('/opt/driver.py')`],
    ['write /proc/sys', `write('/proc/sys/kernel/core_pattern', '|/bin/sh')`],
    ['press a magic key', `write('/proc/sysrq-trigger', 'h')`],
    ['raise its user namespace limit', `write('/proc/sys/user/max_user_namespaces', '100')`],
    ['map itself to root', `write('/proc/self/uid_map', '0 0 1')`],
    ['open a raw socket', `socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)`],
    ['open a packet socket', `socket.socket(socket.AF_PACKET, socket.SOCK_RAW)`],
    ['open a netlink socket', `socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)`],
    ['open a vsock', `socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)`],
    ['mount a file system', `call(libc.mount, b'none', b'/mnt/data', b'tmpfs', 0, None)`],
    ['make the root writable again', `call(libc.mount, None, b'/', None, 32 | 4096, None)`],
    ['unmount /proc', `call(libc.umount2, b'/proc', 2)`],
    ['make a user namespace', `call(libc.unshare, 0x10000000)`],
    ['make a mount namespace', `call(libc.unshare, 0x00020000)`],
    [
      'fork into a user namespace',
      `call(libc.clone, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0), ctypes.addressof(ctypes.create_string_buffer(65536)) + 65536, 0x10000000 | 17, None)`,
    ],
    ['run bubblewrap again', `run('bwrap', '--unshare-all', '--dev-bind', '/', '/', 'true')`],
    [
      'enter the namespaces of pid 1',
      `call(libc.setns, os.open('/proc/1/ns/net', 0), 0) and os.listdir('/home')`,
    ],
    ['trace pid 1', `call(libc.ptrace, 16, 1, 0, 0)`],
    ['read the memory of pid 1', `call(libc.process_vm_readv, 1, None, 0, None, 0, 0)`],
    ['change its groups', `os.setgroups([0])`],
    ['gain rights through a setuid program', `run('su', '-c', 'true')`],
    ['make a device', `os.mknod('/mnt/data/disk', 0o660 | 0o060000, os.makedev(254, 0))`],
    ['set the clock', `__import__('time').clock_settime(0, 0)`],
    ['set the host name', `socket.sethostname('canary')`],
    ['push input into a terminal', `fcntl.ioctl(0, 0x5412, b'x')`],
    ['open the terminal of the host', `os.open('/dev/tty', os.O_RDWR)`],
    ['raise its process limit', `__import__('resource').setrlimit(6, (10_000, 10_000))`],
    ['lower its nice value', `os.nice(-5)`],
    ['raise the share of its session', `write('/proc/self/autogroup', '0')`],
    ['start a session with a share of its own', `os.setsid()`],
    ['be spared when memory is short', `write('/proc/self/oom_score_adj', '0')`],
    [
      'use any refused system call',
      `leaks([name for name, number in ${JSON.stringify(refusedCalls())} if refusal(number) != (-1, errno.EPERM)])`,
    ],
    [
      'see processes of the host',
      `leaks([name for name in os.listdir('/proc') if name.isdigit() and int(name) > 2])`,
    ],
    [
      'find the environment of the host',
      `leaks([path for path in glob.glob('/proc/[0-9]*/environ') if 'THREADMILL' in read(path) or ${JSON.stringify(canaries.token)} in read(path)])`,
    ],
    [
      'find the command line of the host',
      `leaks([path for path in glob.glob('/proc/[0-9]*/cmdline') if ${JSON.stringify(process.cwd())} in read(path)])`,
    ],
    [
      'find the path of this checkout among its mounts',
      `leaks(${JSON.stringify(process.cwd())} in read('/proc/self/mountinfo'))`,
    ],
    [
      'see more network than a silent loopback',
      `leaks([line for line in open('/proc/net/dev') if ':' in line and not line.strip().startswith('lo:')])`,
    ],
    ['see unix sockets of the host', `leaks(open('/proc/net/unix').read().count('\\n') > 4)`],
    [
      'keep a capability',
      `leaks([line for line in open('/proc/self/status') if line.startswith('Cap') and int(line.split()[1], 16)])`,
    ],
    ['gain privileges by a program', `leaks(status('self')['NoNewPrivs'].strip() != '1')`],
    ['be without a system call filter', `leaks(status('self')['Seccomp'].strip() != '2')`],
    ['be another user than its own', `leaks(os.getuid() != 1000 or os.geteuid() != 1000)`],
    [
      'gain anything by taking over pid 1',
      `leaks([name for name in ('Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp', 'CapPrm', 'CapEff', 'CapBnd') if status(1)[name] != status('self')[name]] or [name for name in ('pid', 'net', 'mnt', 'ipc', 'uts', 'user') if os.readlink(f'/proc/1/ns/{name}') != os.readlink(f'/proc/self/ns/{name}')])`,
    ],
    [
      'reach its pipes of the host through /proc',
      `leaks([path for path in glob.glob('/proc/1/fd/*') + ['/proc/self/fd/3', '/proc/self/fd/4'] if opens(path) and os.readlink(path) != '/dev/null'])`,
    ],
    [
      'find a writable place outside its folders',
      `leaks([path for path in glob.glob('/*') + glob.glob('/*/*') + glob.glob('/*/*/*') if not path.startswith(('/proc', '/tmp', '/mnt/data', '/dev/')) and os.path.isdir(path) and os.access(path, os.W_OK)])`,
    ],
    ['map memory of the machine', `mmap.mmap(os.open('/dev/mem', os.O_RDWR), 4096)`],
    [
      'load a module into the kernel',
      `call(libc.syscall, ${process.arch === 'arm64' ? 105 : 175}, None, 0, b'')`,
    ],
    ['share memory with the host', `leaks(os.listdir('/dev/shm'))`],
    ...uncountedMemory(),
    ...otherSurfaces(),
    [
      'see message queues of the host',
      `leaks(read('/proc/sysvipc/shm').count('\\n') > 1 or read('/proc/sysvipc/msg').count('\\n') > 1)`,
    ],
  ];
}

/** Memory that no process maps and no folder holds: without a cgroup nothing would count it. */
function uncountedMemory(): Row[] {
  const entries = (tags: string) =>
    `b''.join(struct.pack('<HHI', tag, 6, 1000 if tag == 2 else 2**32 - 1) for tag in ${tags})`;
  const accessList = `struct.pack('<I', 2) + ${entries('[1] + [2] * 8000 + [4, 16, 32]')}`;
  return [
    ['keep memory in a memfd', `os.write(os.memfd_create('x'), b'x' * 4096)`],
    ['keep memory in a segment of System V', `call(libc.shmget, 0, 1 << 20, 0o1600)`],
    ['keep memory in a queue of System V', `call(libc.msgget, 0, 0o1600)`],
    ['keep memory in semaphores of System V', `call(libc.semget, 0, 32_000, 0o1600)`],
    [
      'keep memory in a queue of POSIX',
      `call(ctypes.CDLL('librt.so.1', use_errno=True).mq_open, b'/x', 0o102, 0o600, None)`,
    ],
    ['keep shared memory without a file', `mmap.mmap(-1, 1 << 20)`],
    ['keep shared memory of a device', `mmap.mmap(os.open('/dev/zero', os.O_RDWR), 1 << 20)`],
    ['take huge pages that are reserved', `mmap.mmap(-1, 1 << 21, flags=0x40022)`],
    ['keep pages in a pipe', `call(libc.vmsplice, os.pipe()[1], None, 0, 0)`],
    [
      'raise the buffer of a socket',
      `socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)`,
    ],
    [
      'give a socket a program',
      `socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, 26, struct.pack('<HxxxxxxQ', 1, ctypes.addressof(ctypes.create_string_buffer(struct.pack('<HBBI', 6, 0, 0, 9)))))`,
    ],
    ['keep memory in events of files', `call(libc.inotify_init1, 0)`],
    ['keep memory in attributes of files', `os.setxattr('/tmp', 'user.x', b'x' * 60_000)`],
    [
      'keep memory in access lists of files',
      `os.setxattr('/tmp', 'system.posix_acl_access', ${accessList})`,
    ],
    ['keep memory in rules of Landlock', `call(libc.syscall, 444, None, 0, 1)`],
    ['add a system call filter', `call(libc.syscall, ${SYSCALL_COLUMN ? 277 : 317}, 1, 0, None)`],
    [
      'take the asynchronous requests of the machine',
      `call(libc.syscall, ${SYSCALL_COLUMN ? 0 : 206}, 60_000, ctypes.byref(ctypes.c_ulong(0)))`,
    ],
    ['take the terminals of the machine', `os.openpty()`],
  ];
}

/** Other entrances of the kernel, and files of the system that code could change or pretend to own. */
function otherSurfaces(): Row[] {
  const syscall = (x64: number, arm64: number, args: string) =>
    `call(libc.syscall, ${SYSCALL_COLUMN === 1 ? arm64 : x64}, ${args})`;
  return [
    ['read the memory of pid 1 through its file', `open('/proc/1/mem', 'rb').read(1)`],
    ['write the memory of pid 1', `open('/proc/1/mem', 'r+b').write(b'x')`],
    ['take a descriptor of pid 1', `call(libc.syscall, 438, os.pidfd_open(1), 0, 0)`],
    ['enter its namespaces by a pidfd', `call(libc.setns, os.pidfd_open(1), 0x00020000)`],
    ['open a file by its handle', syscall(304, 265, `0, None, 0`)],
    [
      'count events of the processor',
      syscall(298, 241, `ctypes.create_string_buffer(128), 0, -1, -1, 0`),
    ],
    [
      'load a program into the kernel',
      syscall(321, 280, `0, ctypes.create_string_buffer(128), 128`),
    ],
    ['use io_uring', `call(libc.syscall, 425, 8, ctypes.create_string_buffer(256))`],
    ['handle page faults', syscall(323, 282, `1`)],
    ['add a key', syscall(248, 217, `b'user', b'x', b'y', 1, -3`)],
    ['read the session keyring', syscall(250, 219, `11, -3, None, 0`)],
    [
      'read the kernel log by its call',
      syscall(103, 116, `3, ctypes.create_string_buffer(64), 64`),
    ],
    ['open a tree of mounts', `call(libc.syscall, 428, -100, b'/', 1)`],
    ['open a file system', `call(libc.syscall, 430, b'tmpfs', 0)`],
    ['change its personality', `call(libc.personality, 0x0040000)`],
    ['open a socket of the crypto API', `socket.socket(38, socket.SOCK_SEQPACKET)`],
    ['open a socket of a bus', `socket.socket(29, socket.SOCK_RAW, 1)`],
    ['open a Bluetooth socket', `socket.socket(31, socket.SOCK_RAW, 1)`],
    ['talk to Docker', `connect(socket.AF_UNIX, socket.SOCK_STREAM, '/var/run/docker.sock')`],
    [
      'talk to the system bus',
      `connect(socket.AF_UNIX, socket.SOCK_STREAM, '/run/dbus/system_bus_socket')`,
    ],
    ['run in real time', `os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))`],
    ['raise its limit of files', `__import__('resource').setrlimit(7, (100_000, 100_000))`],
    ['raise its limit of addresses', `__import__('resource').setrlimit(9, (-1, -1))`],
    ['leave a core dump', `__import__('resource').setrlimit(4, (1 << 20, 1 << 20))`],
    ['give a file to root', `(open('/tmp/owned', 'w').close(), os.chown('/tmp/owned', 0, 0))`],
    ['move a program of the system', `os.rename('/usr/bin/env', '/usr/bin/env2')`],
    ['remove a program of the system', `os.remove('/usr/bin/env')`],
    ['change rights of a program', `os.chmod('/usr/bin/env', 0o777)`],
    [
      'write a program through a link',
      `(os.symlink('/usr/bin/env', '/tmp/env'), write('/tmp/env'))`,
    ],
    ['link a program into its folder', `os.link('/usr/bin/env', '/mnt/data/env')`],
    ['join a control group', `write('/sys/fs/cgroup/cgroup.procs', '0')`],
    ['use calls of another table', `leaks(survives(lambda: libc.syscall(0x40000000 + 39)))`],
  ];
}

function refusedCalls(): [string, number][] {
  return Object.entries(REFUSED).flatMap(([name, numbers]): [string, number][] => {
    const number = numbers[SYSCALL_COLUMN];
    return number === undefined ? [] : [[name, number]];
  });
}
