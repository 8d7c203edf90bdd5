/**
 * PDFium, the PDF engine of Chromium, compiled to WebAssembly: it sees its own memory and nothing else of the process. Its
 * functions take numbers and pointers; the reference is PDFium's public headers (fpdfview.h, fpdf_text.h, fpdf_annot.h).
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { init } from '@embedpdf/pdfium';

/** The package's own type of the module rests on the types of Emscripten. */
type Memory = {
  /** Another array whenever the memory has grown. */
  HEAPU8: Uint8Array<ArrayBuffer>;
  wasmExports: { malloc(bytes: number): number; free(pointer: number): void };
};

const WASM = fileURLToPath(import.meta.resolve('@embedpdf/pdfium/pdfium.wasm'));

const wasmBinary = (await readFile(WASM)) as unknown as ArrayBuffer;
export const pdfium = await init({ wasmBinary } as Parameters<typeof init>[0]);
const memory = pdfium.pdfium as unknown as Memory;
pdfium.PDFiumExt_Init();

/** @throws RangeError when the parsing process may have no more memory */
export function allocate(bytes: number): number {
  const pointer = memory.wasmExports.malloc(bytes);
  if (pointer === 0) throw new RangeError('PDFium has no memory left.');
  return pointer;
}

export function free(pointer: number): void {
  memory.wasmExports.free(pointer);
}

export function write(bytes: Uint8Array, pointer: number): void {
  memory.HEAPU8.set(bytes, pointer);
}

/** A view of the memory, which is good until more is allocated. */
export function read(pointer: number, bytes: number): Buffer {
  return Buffer.from(memory.HEAPU8.buffer, pointer, bytes);
}

/** The string that `call` writes to a pointer; it returns how many bytes that takes, also when there is no place for them. */
export function readString(call: (pointer: number, bytes: number) => number): string {
  const bytes = call(0, 0);
  if (bytes <= 2) return '';
  const pointer = allocate(bytes);
  try {
    call(pointer, bytes);
    return read(pointer, bytes - 2).toString('utf16le');
  } finally {
    free(pointer);
  }
}

/** The numbers that `call` writes, one after the other, to a pointer. */
export function readDoubles(count: number, call: (pointer: number) => void): number[] {
  const bytes = count * Float64Array.BYTES_PER_ELEMENT;
  const pointer = allocate(bytes);
  try {
    memory.HEAPU8.fill(0, pointer, pointer + bytes);
    call(pointer);
    return [...new Float64Array(memory.HEAPU8.buffer, pointer, count)];
  } finally {
    free(pointer);
  }
}
