/** What the parser reads: a line of JSON and then the file, again and again. */
import type { Socket } from 'node:net';

import type { ParseRequest } from '../messages.ts';

const BYTES_OF_LINE_END = 1;

export type Incoming = { request: ParseRequest; parts: AsyncIterable<Buffer> };

/**
 * Each with its file, until the input ends; the parts have to be read to their end before the next one. The input keeps
 * the process alive only while it is waited for: a file that was read, and leads nowhere, ends the event loop.
 */
export async function* readRequests(input: Socket): AsyncGenerator<Incoming> {
  const arriving: AsyncIterator<Buffer> = input[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);

  /** False at the end of the input. */
  async function more(): Promise<boolean> {
    input.ref();
    const { value, done } = await arriving.next();
    input.unref();
    if (done === true) return false;
    held = held.length === 0 ? value : Buffer.concat([held, value]);
    return true;
  }

  async function* parts(bytes: number): AsyncGenerator<Buffer> {
    let left = bytes;
    while (left > 0 && (held.length > 0 || (await more()))) {
      const part = held.subarray(0, left);
      held = held.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  for (;;) {
    let lineEnd = held.indexOf('\n');
    while (lineEnd < 0) {
      if (!(await more())) return;
      lineEnd = held.indexOf('\n');
    }
    const request = JSON.parse(held.toString('utf8', 0, lineEnd)) as ParseRequest;
    held = held.subarray(lineEnd + BYTES_OF_LINE_END);
    yield { request, parts: parts(request.bytes) };
  }
}
