/**
 * Frames between a worker and sandboxd: u32 header length, u32 body length (big endian), JSON header, raw body.
 * One connection carries one kernel and one call at a time:
 *
 *   worker    call {id, …}  chunk* end          more per reply chunk it consumed, stop, kill, ping
 *   sandboxd  chunk*  reply | fault             more per request chunk it consumed, ping
 *
 * Neither side believes the other: lengths are checked before anything is buffered, chunks beyond the window and frames
 * out of turn end the connection, and with it the kernel.
 */

/** Bytes of a body that one frame carries at most; longer bodies are several chunks. */
export const CHUNK_BYTES = 64 * 1024;
/** Chunks that may be under way without having been consumed: what a slow reader makes the other side hold. */
export const WINDOW_CHUNKS = 8;

/** What a worker asks of its kernel. The code, a file's content or a snapshot is the call's body. */
export type Call =
  | { method: 'run' }
  | { method: 'putFile'; paths: readonly string[]; bytes: number }
  | { method: 'listFiles' }
  | { method: 'readFile'; path: string; maxBytes: number }
  | { method: 'snapshot'; maxBytes: number }
  | { method: 'restore' }
  | { method: 'warm'; modules: readonly string[] };

/** `id` is that of the call; what belongs to a call that has ended is ignored. */
export type Header =
  | { t: 'call'; id: number; call: Call }
  | { t: 'chunk'; id: number }
  /** The request's body ends here; incomplete when its source failed. */
  | { t: 'end'; id: number; complete: boolean }
  /** The receiver consumed a chunk: one more may come. */
  | { t: 'more'; id: number }
  /** The reader wants no more of the reply. */
  | { t: 'stop'; id: number }
  /** The reply's body ends here. `alive`: the kernel can take another call. */
  | { t: 'reply'; id: number; alive: boolean }
  /** The call failed. `name` is the error's class. */
  | { t: 'fault'; id: number; alive: boolean; name: string; message: string }
  | { t: 'kill'; reason: string }
  | { t: 'ping' };

export type Frame = { header: Header; body: Buffer };

/** The other side sent something that is no frame, or not in turn. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

const PREFIX_BYTES = 8;
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_TEXT = 4_096;
const MAX_PATHS = 16;
const MAX_MODULES = 16;

/** The bytes of one frame, its body apart: bodies are large and not worth copying. Throws RangeError for a header too long. */
export function encodeFrame(header: Header, body: Uint8Array | undefined): Buffer {
  const head = Buffer.from(JSON.stringify(header));
  if (head.length > MAX_HEADER_BYTES) throw new RangeError('The call is too long.');
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(head.length, 0);
  prefix.writeUInt32BE(body?.length ?? 0, 4);
  return Buffer.concat([prefix, head]);
}

/** Returns a function that takes bytes as they arrive and returns the frames they complete. Throws ProtocolError. */
export function frameDecoder(): (chunk: Buffer) => Frame[] {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const frames: Frame[] = [];
    for (let size = sizes(pending); size !== undefined; size = sizes(pending)) {
      const { header, body } = size;
      const end = PREFIX_BYTES + header + body;
      if (pending.length < end) break;
      frames.push({
        header: parseHeader(pending.subarray(PREFIX_BYTES, PREFIX_BYTES + header)),
        body: pending.subarray(PREFIX_BYTES + header, end),
      });
      pending = pending.subarray(end);
    }
    return frames;
  };
}

function sizes(data: Buffer): { header: number; body: number } | undefined {
  if (data.length < PREFIX_BYTES) return undefined;
  const header = data.readUInt32BE(0);
  const body = data.readUInt32BE(4);
  if (header > MAX_HEADER_BYTES) throw new ProtocolError(`a header of ${header} bytes`);
  if (body > CHUNK_BYTES) throw new ProtocolError(`a body of ${body} bytes`);
  return { header, body };
}

function parseHeader(bytes: Buffer): Header {
  const header = fields(parseJson(bytes), 'a header');
  const { t } = header;
  if (t === 'ping') return { t };
  if (t === 'kill') return { t, reason: text(header['reason']).slice(0, MAX_TEXT) };
  const id = count(header['id']);
  if (t === 'call') return { t, id, call: parseCall(header['call']) };
  if (t === 'chunk' || t === 'more' || t === 'stop') return { t, id };
  if (t === 'end') return { t, id, complete: header['complete'] === true };
  const alive = header['alive'] === true;
  if (t === 'reply') return { t, id, alive };
  if (t !== 'fault') throw new ProtocolError('a header of no known kind');
  const [name, message] = [text(header['name']), text(header['message'])];
  return { t, id, alive, name, message: message.slice(0, MAX_TEXT) };
}

function parseCall(value: unknown): Call {
  const call = fields(value, 'a call');
  const { method } = call;
  if (method === 'run' || method === 'listFiles' || method === 'restore') return { method };
  if (method === 'snapshot') return { method, maxBytes: count(call['maxBytes']) };
  if (method === 'readFile') {
    return { method, path: text(call['path']), maxBytes: count(call['maxBytes']) };
  }
  if (method === 'warm' && Array.isArray(call['modules'])) {
    return { method, modules: call['modules'].slice(0, MAX_MODULES).map(text) };
  }
  if (method !== 'putFile' || !Array.isArray(call['paths'])) {
    throw new ProtocolError('a call of no known method');
  }
  const paths = call['paths'].slice(0, MAX_PATHS + 1).map(text);
  if (paths.length === 0 || paths.length > MAX_PATHS) {
    throw new ProtocolError('a file without one name');
  }
  return { method, paths, bytes: count(call['bytes']) };
}

function fields(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw new ProtocolError(`${what} that is no object`);
  }
  return value as Record<string, unknown>;
}

function count(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProtocolError('a number that is no count');
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new ProtocolError('a text that is none');
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ProtocolError('a header that is no JSON', { cause });
  }
}
