/**
 * Frames between host and kernel: u32 header length, u32 body length (big endian), JSON header, raw body.
 * Code in a cell can write to the kernel's end, so everything decoded here is untrusted: lengths are checked
 * before anything is buffered, and the first bad frame ends the conversation.
 */

/** What the kernel says: it can take cells, or the cell with this id has ended. */
export type KernelFrame =
  { t: 'ready' } | { t: 'done'; id: string; status: 'ok' | 'error' | 'timeout' };

/** What the host says: run the body as a cell, interrupting it after `soft` seconds. */
export type HostFrame = { t: 'exec'; id: string; number: number; soft: number };

/** The kernel sent something that is no frame; it cannot be trusted to answer again. */
export class BadFrameError extends Error {
  override name = 'BadFrameError';
}

const PREFIX_BYTES = 8;
const MAX_HEADER_BYTES = 4_096;
const STATUSES = ['ok', 'error', 'timeout'] as const;

/** One frame for the kernel. */
export function encodeFrame(header: HostFrame, body: string): Buffer {
  const head = Buffer.from(JSON.stringify(header));
  const tail = Buffer.from(body);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(head.length, 0);
  prefix.writeUInt32BE(tail.length, 4);
  return Buffer.concat([prefix, head, tail]);
}

/** Returns a function that takes bytes as they arrive and returns the frames they complete. Throws BadFrameError. */
export function frameDecoder(): (chunk: Buffer) => KernelFrame[] {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const frames: KernelFrame[] = [];
    for (
      let length = frameLength(pending);
      length <= pending.length;
      length = frameLength(pending)
    ) {
      frames.push(parseFrame(pending.subarray(PREFIX_BYTES, length)));
      pending = pending.subarray(length);
    }
    return frames;
  };
}

/** Bytes of the frame at the start of `data`, as far as its lengths have arrived: one more than there are, if not. */
function frameLength(data: Buffer): number {
  if (data.length < PREFIX_BYTES) return data.length + 1;
  const header = data.readUInt32BE(0);
  const body = data.readUInt32BE(4);
  if (header > MAX_HEADER_BYTES) throw new BadFrameError(`a header of ${header} bytes`);
  if (body > 0) throw new BadFrameError(`a body of ${body} bytes, where no frame has one`);
  return PREFIX_BYTES + header;
}

function parseFrame(header: Buffer): KernelFrame {
  const value = parseJson(header);
  if (typeof value !== 'object' || value === null)
    throw new BadFrameError('a header that is no object');
  const { t, id, status } = value as { t?: unknown; id?: unknown; status?: unknown };
  if (t === 'ready') return { t };
  const known = STATUSES.find((candidate) => candidate === status);
  if (t !== 'done' || typeof id !== 'string' || known === undefined) {
    throw new BadFrameError('a header of no known kind');
  }
  return { t, id, status: known };
}

function parseJson(header: Buffer): unknown {
  try {
    return JSON.parse(header.toString('utf8'));
  } catch (cause) {
    throw new BadFrameError('a header that is no JSON', { cause });
  }
}
