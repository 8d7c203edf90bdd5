/** A question to a kernel, other than a cell, and the parts of its answer so far. */
import { randomBytes } from 'node:crypto';
import { KernelError } from '../backend.ts';
import type { KernelFrame } from './frames.ts';
import { parseResult } from './results.ts';

export type Answer = { result: Record<string, unknown>; body: Buffer };

export class Question {
  readonly id = randomBytes(16).toString('hex');
  readonly #maxBytes: number;
  readonly #parts: Buffer[] = [];
  readonly #answer = Promise.withResolvers<Answer>();
  #received = 0;

  /** `maxBytes`: of data that the answer may have. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Throws KernelError when the kernel says that it failed, and what `fail` was given. */
  get answer(): Promise<Answer> {
    return this.#answer.promise;
  }

  /** Throws for an answer that is larger than it may be, or has no result. */
  receive(frame: KernelFrame & { t: 'data' | 'done' }): void {
    if (frame.t === 'data') {
      this.#received += frame.body.length;
      if (this.#received > this.#maxBytes) throw new Error('more than was asked for');
      this.#parts.push(frame.body);
      return;
    }
    const result = parseResult(frame.body);
    if (frame.status === 'ok') {
      this.#answer.resolve({ result, body: Buffer.concat(this.#parts) });
    } else this.fail(new KernelError(String(result['error'])));
  }

  fail(error: KernelError): void {
    this.#answer.reject(error);
  }
}
