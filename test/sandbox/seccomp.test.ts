import { describe, expect, test } from 'vitest';
import { seccompFilter } from '../../sandbox/bubblewrap/seccomp.ts';
import { JUDGED, REFUSED } from '../../sandbox/bubblewrap/syscalls.ts';

type Call = { number: number; audit: number; arguments?: number[] };
const PROCESSORS = [
  { name: 'x64', column: 0, audit: 0xc000003e, read: 0 },
  { name: 'arm64', column: 1, audit: 0xc00000b7, read: 63 },
] as const;
const ALLOWED = 'allowed';
const KILLED = 'killed';
const CLONE_THREAD_FLAGS = 0x3d0f00;

/** A classic BPF interpreter, as small as the program needs: what would the kernel answer? */
function judge(filter: Buffer, call: Call): string | number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.audit, 4);
  call.arguments?.forEach((value, index) => data.writeBigUInt64LE(BigInt(value), 16 + 8 * index));
  let loaded = 0;
  for (let at = 0; at < filter.length / 8; at += 1) {
    const [code, operand] = [filter.readUInt16LE(at * 8), filter.readUInt32LE(at * 8 + 4)];
    if (code === 0x06) return answer(operand);
    if (code === 0x20) loaded = data.readUInt32LE(operand);
    else at += filter.readUInt8(at * 8 + (holds(code, loaded, operand) ? 2 : 3));
  }
  throw new Error('The program has no answer.');
}

function holds(code: number, loaded: number, operand: number): boolean {
  if (code === 0x15) return loaded === operand;
  if (code === 0x35) return loaded >= operand;
  if (code === 0x45) return (loaded & operand) !== 0;
  throw new Error(`The interpreter does not know ${code}.`);
}

function answer(value: number): string | number {
  if (value === 0x7fff0000) return ALLOWED;
  return value === 0x80000000 ? KILLED : value & 0xffff;
}

describe.each(PROCESSORS)('the filter for $name', ({ name, column, audit, read }) => {
  const filter = seccompFilter(name);
  const ask = (number: number, ...args: number[]) =>
    judge(filter, { number, audit, arguments: args });

  test('lets ordinary calls pass', () => {
    expect(ask(read)).toBe(ALLOWED);
  });

  test('refuses every listed call', () => {
    for (const [call, numbers] of Object.entries(REFUSED)) {
      const number = numbers[column];
      if (number !== undefined) expect(ask(number), call).toBe(1);
    }
  });

  test('kills calls of another architecture and of the 32-bit table', () => {
    expect(judge(filter, { number: read, audit: 0x40000003 })).toBe(KILLED);
    expect(ask(0x40000000 + read)).toBe(KILLED);
  });

  test('lets threads and forks be made, but no namespaces', () => {
    expect(ask(JUDGED.clone[column], CLONE_THREAD_FLAGS)).toBe(ALLOWED);
    expect(ask(JUDGED.clone[column], 17)).toBe(ALLOWED);
    expect(ask(JUDGED.clone[column], 0x10000000 | 17)).toBe(1);
    expect(ask(JUDGED.clone[column], 0x00020000)).toBe(1);
    expect(ask(JUDGED.clone3[column])).toBe(38);
  });

  test('lets sockets be made between processes only', () => {
    expect(ask(JUDGED.socket[column], 1)).toBe(ALLOWED);
    expect(ask(JUDGED.socketpair[column], 1)).toBe(ALLOWED);
    for (const family of [0, 2, 10, 16, 17, 40]) {
      expect(ask(JUDGED.socket[column], family)).toBe(97);
    }
  });

  test('lets memory be shared through files only, and no huge pages be taken', () => {
    const map = (flags: number) => ask(JUDGED.mmap[column], 0, 4096, 3, flags);
    // MAP_PRIVATE, MAP_SHARED and MAP_SHARED_VALIDATE, with and without MAP_ANONYMOUS.
    for (const flags of [0x01, 0x02, 0x03, 0x22, 0x4022]) expect(map(flags)).toBe(ALLOWED);
    for (const flags of [0x21, 0x23, 0x4021, 0x40022, 0x40021]) expect(map(flags)).toBe(1);
  });

  test('lets sockets have options, but no larger buffers and no programs', () => {
    const option = (level: number, name: number) => ask(JUDGED.setsockopt[column], 3, level, name);
    for (const name of [2, 8, 16]) expect(option(1, name)).toBe(ALLOWED);
    for (const name of [7, 32, 26, 50]) expect(option(1, name)).toBe(1);
    expect(option(6, 7)).toBe(ALLOWED);
  });

  test('lets no input be pushed into a terminal', () => {
    expect(ask(JUDGED.ioctl[column], 0, 0x5401)).toBe(ALLOWED);
    expect(ask(JUDGED.ioctl[column], 0, 0x5412)).toBe(1);
    expect(ask(JUDGED.ioctl[column], 0, 0x541c)).toBe(1);
  });
});

test('there is no filter for other processors', () => {
  expect(() => seccompFilter('riscv64')).toThrow(/riscv64/);
});
