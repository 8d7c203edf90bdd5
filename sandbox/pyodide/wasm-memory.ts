/** The upper bound of a WebAssembly module's own memory, which is part of the module's bytes. */

const PAGE_BYTES = 65_536;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 1;

/**
 * Changes the upper bound of the memory of `module` in place, rounded down to pages of 64 KiB. An allocation beyond that
 * fails inside, as Python's MemoryError. Throws for a module without a bound of its own, or whose bound is smaller.
 */
export function limitMemory(module: Uint8Array, bytes: number): void {
  const pages = Math.floor(bytes / PAGE_BYTES);
  const { minimum, maximum } = memoryLimits(module);
  if (pages < minimum.value || pages > maximum.value) {
    throw new RangeError(
      `The memory must be of ${minimum.value} to ${maximum.value} pages, not ${pages}.`,
    );
  }
  writeLeb(module, maximum.at, maximum.length, pages);
}

/** A number of pages, and its place in the module. */
type Leb = { value: number; at: number; length: number };

/** The limits of the module's only memory. */
export function memoryLimits(module: Uint8Array): { minimum: Leb; maximum: Leb } {
  let at = HEADER_BYTES;
  while (at < module.length) {
    const id = module[at];
    const size = readLeb(module, at + 1);
    const content = size.at + size.length;
    if (id === MEMORY_SECTION) return limitsAt(module, content);
    at = content + size.value;
  }
  throw new TypeError('The module has no memory of its own.');
}

function limitsAt(module: Uint8Array, at: number): { minimum: Leb; maximum: Leb } {
  const count = readLeb(module, at);
  const flags = at + count.length;
  if (count.value !== 1 || module[flags] !== HAS_MAXIMUM) {
    throw new TypeError('The module has not one memory with an upper bound.');
  }
  const minimum = readLeb(module, flags + 1);
  return { minimum, maximum: readLeb(module, minimum.at + minimum.length) };
}

/** LEB128: seven bits a byte, the lowest first, the eighth says that more follow. */
function readLeb(data: Uint8Array, at: number): Leb {
  let value = 0;
  for (let length = 0; ; length += 1) {
    const byte = data[at + length];
    if (byte === undefined || length > 4) throw new TypeError('The module is cut short.');
    value += (byte & 0x7f) * 2 ** (7 * length);
    if (byte < 0x80) return { value, at, length: length + 1 };
  }
}

/** In exactly `length` bytes, so that nothing else of the module moves. */
function writeLeb(data: Uint8Array, at: number, length: number, value: number): void {
  for (let index = 0; index < length; index += 1) {
    const more = index < length - 1 ? 0x80 : 0;
    data[at + index] = (Math.floor(value / 2 ** (7 * index)) & 0x7f) | more;
  }
}
