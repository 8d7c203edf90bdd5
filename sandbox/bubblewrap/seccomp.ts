/**
 * The system call filter, as classic BPF in the form the kernel takes (struct sock_filter, 8 bytes each).
 * A deny list: the namespaces are the wall, and the filter refuses calls that reach past it or into risky kernel code.
 */
import { SetupError } from '../host/setup.ts';
import { JUDGED, REFUSED } from './syscalls.ts';

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];
type Architecture = { audit: number; column: 0 | 1 };

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, Architecture>> = {
  x64: { audit: 0xc000003e, column: 0 },
  arm64: { audit: 0xc00000b7, column: 1 },
};

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const AF_UNIX = 1;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
const CLONE_NEW_ANY = 0x7e020000;
const MAP_SHARED = 0x01;
const MAP_ANONYMOUS = 0x20;
const MAP_HUGETLB = 0x40000;
const SOL_SOCKET = 1;
// SO_SNDBUF, SO_SNDBUFFORCE; SO_ATTACH_FILTER, SO_ATTACH_BPF.
const BUFFERS_AND_FILTERS = [7, 32, 26, 50];
const X32_BIT = 0x40000000;

// Offsets in struct seccomp_data. The low word of an argument is enough: all arguments that are compared have 32 bits.
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number) => 16 + 8 * index;

const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const unlessEqual = (value: number, skip: number): Instruction => [0x15, 0, skip, value];
const ifEqual = (value: number, skip: number): Instruction => [0x15, skip, 0, value];
const unlessAtLeast = (value: number, skip: number): Instruction => [0x35, 0, skip, value];
const unlessAnyBit = (mask: number, skip: number): Instruction => [0x45, 0, skip, mask];
const answer = (value: number): Instruction => [0x06, 0, 0, value];
const ALLOW = answer(0x7fff0000);
const KILL = answer(0x80000000);
const fail = (errno: number) => answer(0x00050000 | errno);

/** The compiled filter for one processor architecture. Throws SetupError for an unknown one. */
export function seccompFilter(architecture: NodeJS.Architecture): Buffer {
  const target = ARCHITECTURES[architecture];
  if (target === undefined) {
    throw new SetupError(`There is no system call filter for ${architecture}.`);
  }
  return assemble([
    load(ARCHITECTURE),
    ifEqual(target.audit, 1),
    KILL,
    load(NUMBER),
    unlessAtLeast(X32_BIT, 1),
    KILL,
    ...refusedCalls(target.column),
    ...judgedCalls(target.column),
    ALLOW,
  ]);
}

function refusedCalls(column: 0 | 1): Instruction[] {
  return Object.values(REFUSED).flatMap((numbers) => {
    const number = numbers[column];
    return number === undefined ? [] : whenCalled(number, [fail(EPERM)]);
  });
}

function judgedCalls(column: 0 | 1): Instruction[] {
  const onlyUnix = [load(argument(0)), ifEqual(AF_UNIX, 1), fail(EAFNOSUPPORT), ALLOW];
  return [
    // ENOSYS, not EPERM: its flags lie in memory a filter cannot read, and libc then falls back to clone.
    ...whenCalled(JUDGED.clone3[column], [fail(ENOSYS)]),
    ...whenCalled(JUDGED.clone[column], [
      load(argument(0)),
      unlessAnyBit(CLONE_NEW_ANY, 1),
      fail(EPERM),
      ALLOW,
    ]),
    ...whenCalled(JUDGED.socket[column], onlyUnix),
    ...whenCalled(JUDGED.socketpair[column], onlyUnix),
    // Both push input into a terminal, where the spawner's shell would run it.
    ...whenCalled(JUDGED.ioctl[column], [
      load(argument(1)),
      ifEqual(TIOCSTI, 2),
      ifEqual(TIOCLINUX, 1),
      ALLOW,
      fail(EPERM),
    ]),
    // Shared memory without a file outlives its mapping, and pages that the operator has reserved are nobody's here.
    ...whenCalled(JUDGED.mmap[column], [
      load(argument(3)),
      unlessAnyBit(MAP_HUGETLB, 1),
      fail(EPERM),
      unlessAnyBit(MAP_ANONYMOUS, 2),
      unlessAnyBit(MAP_SHARED, 1),
      fail(EPERM),
      ALLOW,
    ]),
    // The memory watch assumes that a socket buffers what it does by default.
    ...whenCalled(JUDGED.setsockopt[column], [
      load(argument(1)),
      ifEqual(SOL_SOCKET, 1),
      ALLOW,
      load(argument(2)),
      ...BUFFERS_AND_FILTERS.flatMap((option) => [unlessEqual(option, 1), fail(EPERM)]),
      ALLOW,
    ]),
  ];
}

/** Every body ends in an answer, so the loaded call number is intact for the next rule. */
function whenCalled(number: number, body: Instruction[]): Instruction[] {
  return [unlessEqual(number, body.length), ...body];
}

function assemble(program: Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, operand], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand >>> 0, index * 8 + 4);
  });
  return bytes;
}
