/** Limits how often V8 marks the whole heap of a process that serves requests. */
import { setFlagsFromString } from 'node:v8';

/**
 * By default V8 lets a heap of 70 MB grow by some 10 MB, buffers included, and then marks it. All requests wait 10 to 50 ms
 * for that, every second while a cell prints. With this flag the heap may double. To be called at the start of a process.
 */
export function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
