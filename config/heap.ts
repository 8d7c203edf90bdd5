/** How far the heap of a process that answers people grows before V8 marks all of it. */
import { setFlagsFromString } from 'node:v8';

/**
 * By itself V8 lets a heap of 70 MB grow by some 10 MB, buffers included, and then marks it, for which everybody waits 10
 * to 50 ms: beside a cell that prints, every second. Now it may double. To be called at the start of a process.
 */
export function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
