/**
 * Frames between host and kernel: u32 header length, u32 body length (big endian), JSON header, raw body.
 * Code in a cell can write to the kernel's end, so everything decoded here is untrusted: lengths are checked
 * before anything is buffered, and the first bad frame ends the conversation.
 */

/** Frames of the kernel. `done` ends the answer to the request with that id; its body is JSON. */
export type KernelFrame =
  | { t: 'ready' }
  | { t: 'image'; id: string; body: Buffer }
  | { t: 'data'; id: string; body: Buffer }
  | { t: 'done'; id: string; status: FrameStatus; body: Buffer };

export type FrameStatus = (typeof STATUSES)[number];

/** Limits of the images of one cell: their number, and bytes and pixels of each. */
type ImageLimits = { count: number; bytes: number; pixels: number };

/** Frames of the host; `exec`, `put` and `restore` have a body too. */
export type HostFrame =
  | { t: 'exec'; id: string; soft: number; images: ImageLimits }
  | { t: 'put'; id: string; path: string; offset: number; more: readonly string[] }
  | { t: 'list'; id: string; most: number }
  | { t: 'read'; id: string; path: string; offset: number; length: number }
  | { t: 'snapshot'; id: string; cap: number }
  | { t: 'restore'; id: string }
  | { t: 'warm'; id: string; modules: readonly string[] };

/** The kernel sent an invalid frame; it cannot be trusted to answer again. */
export class BadFrameError extends Error {
  override name = 'BadFrameError';
}

/** Bytes of a file or snapshot in one frame. */
export const PART_BYTES = 1024 * 1024;

const PREFIX_BYTES = 8;
const MAX_HEADER_BYTES = 4_096;
const MAX_RESULT_BYTES = 65_536;
const STATUSES = ['ok', 'error', 'timeout'] as const;

/** One frame for the kernel. */
export function encodeFrame(header: HostFrame, body: string | Uint8Array = ''): Buffer {
  const head = Buffer.from(JSON.stringify(header));
  const tail = typeof body === 'string' ? Buffer.from(body) : body;
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(head.length, 0);
  prefix.writeUInt32BE(tail.length, 4);
  return Buffer.concat([prefix, head, tail]);
}

/**
 * Returns a function that takes bytes as they arrive and returns the frames they complete. Throws BadFrameError, also
 * for an image of more than `maxImageBytes`.
 */
export function frameDecoder(maxImageBytes: number): (chunk: Buffer) => KernelFrame[] {
  const received = chunks();
  let lengths: { header: number; body: number } | undefined;
  let header: Header | undefined;
  /** The next frame, if it is complete; otherwise the parts that have arrived are kept. */
  const next = (): KernelFrame | undefined => {
    if (lengths === undefined) {
      const prefix = received.take(PREFIX_BYTES);
      if (prefix === undefined) return undefined;
      lengths = { header: prefix.readUInt32BE(0), body: prefix.readUInt32BE(4) };
      if (lengths.header > MAX_HEADER_BYTES) {
        throw new BadFrameError(`a header of ${lengths.header} bytes`);
      }
    }
    if (header === undefined) {
      const head = received.take(lengths.header);
      if (head === undefined) return undefined;
      header = parseHeader(head);
      const most = { ready: 0, image: maxImageBytes, data: PART_BYTES, done: MAX_RESULT_BYTES };
      if (lengths.body > most[header.t]) {
        throw new BadFrameError(`a body of ${lengths.body} bytes for '${header.t}'`);
      }
    }
    const body = received.take(lengths.body);
    if (body === undefined) return undefined;
    const frame = header.t === 'ready' ? header : { ...header, body };
    lengths = header = undefined;
    return frame;
  };
  return (chunk) => {
    received.add(chunk);
    const frames: KernelFrame[] = [];
    for (let frame = next(); frame !== undefined; frame = next()) frames.push(frame);
    return frames;
  };
}

type Header =
  | { t: 'ready' }
  | { t: 'image' | 'data'; id: string }
  | { t: 'done'; id: string; status: FrameStatus };

function parseHeader(bytes: Buffer): Header {
  const value = parseJson(bytes);
  if (typeof value !== 'object' || value === null) {
    throw new BadFrameError('a header that is not an object');
  }
  const { t, id, status } = value as { t?: unknown; id?: unknown; status?: unknown };
  if (t === 'ready') return { t };
  if (typeof id !== 'string') throw new BadFrameError('a header without an id');
  if (t === 'image' || t === 'data') return { t, id };
  const known = STATUSES.find((candidate) => candidate === status);
  if (t !== 'done' || known === undefined) throw new BadFrameError('a header of an unknown kind');
  return { t, id, status: known };
}

function parseJson(header: Buffer): unknown {
  try {
    return JSON.parse(header.toString('utf8'));
  } catch (cause) {
    throw new BadFrameError('a header that is not JSON', { cause });
  }
}

/** Bytes in the pieces in which they arrived, joined only once, when enough have arrived. */
function chunks() {
  let pieces: Buffer[] = [];
  let length = 0;
  return {
    add(piece: Buffer) {
      pieces.push(piece);
      length += piece.length;
    },
    take(count: number): Buffer | undefined {
      if (length < count) return undefined;
      const all =
        pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
      pieces = all.length === count ? [] : [all.subarray(count)];
      length -= count;
      return all.subarray(0, count);
    },
  };
}
