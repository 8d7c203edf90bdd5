import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findParts } from '../../sandbox/pyodide/parts.ts';
import { limitMemory, memoryLimits } from '../../sandbox/pyodide/wasm-memory.ts';

const MEGABYTE = 1024 * 1024;
const PAGES_PER_MEGABYTE = 16;

/** Pins what the sandbox changes in Pyodide: look again whenever its version changes. */
test('the memory of this Pyodide is bounded where it is expected to be', async () => {
  const { pyodide } = await findParts();
  expect(pyodide.version).toBe('314.0.7');
  const module = await readFile(join(pyodide.folder, 'pyodide.asm.wasm'));
  const { minimum, maximum } = memoryLimits(module);
  expect(minimum.value).toBe(480);
  expect(maximum).toMatchObject({ value: 65_536, length: 3 });

  const before = Buffer.from(module);
  limitMemory(module, 512 * MEGABYTE);
  expect(memoryLimits(module).maximum.value).toBe(512 * PAGES_PER_MEGABYTE);
  expect(module.length).toBe(before.length);
  const changed = module.findIndex((byte, index) => byte !== before[index]);
  expect(changed).toBeGreaterThanOrEqual(maximum.at);
  expect(module.subarray(maximum.at + maximum.length)).toEqual(
    before.subarray(maximum.at + maximum.length),
  );
});

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

test.each([
  ['a module without a memory', [...HEADER, 1, 1, 0], /no memory of its own/],
  ['a memory without a bound', [...HEADER, 5, 3, 1, 0, 1], /not one memory with an upper bound/],
  ['two memories', [...HEADER, 5, 7, 2, 1, 1, 2, 1, 1, 2], /not one memory/],
  ['a module that ends too early', [...HEADER, 5, 0xff], /cut short/],
])('%s is refused', (_, bytes, reason) => {
  expect(() => limitMemory(Uint8Array.from(bytes), MEGABYTE)).toThrow(reason);
});

test('a limit outside of what the module allows is refused', () => {
  const module = () => Uint8Array.from([...HEADER, 5, 5, 1, 1, 2, 0x80, 1]);
  expect(() => limitMemory(module(), 65_536)).toThrow(RangeError);
  expect(() => limitMemory(module(), 129 * 65_536)).toThrow(RangeError);
  const limited = module();
  limitMemory(limited, 3.5 * 65_536);
  expect(memoryLimits(limited).maximum.value).toBe(3);
});
