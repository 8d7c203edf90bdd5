/**
 * What replies mean: one body is u32 length + JSON + what the JSON announces, such as images one after another. The worker
 * checks everything here as if the code in the cell had written it: sandboxd may have been taken over by it.
 */
import type { CellOutcome, CellOutput, FileEntry, Limits, Snapshot } from '../backend.ts';
import { pngPixels } from '../kernel/png.ts';
import { asNames } from '../kernel/results.ts';
import { ProtocolError } from './frames.ts';

/** What a cell may show. */
type ShownLimits = Pick<Limits, 'maxLogBytes' | 'maxImages' | 'imageBytes' | 'imagePixels'>;

const MAX_OUTPUTS = 1_000;
// A cut mark, and the sentence about how the cell ended.
const MAX_REMARKS = 2_000;
const MAX_FILES = 100_000;
const STATUSES = ['ok', 'error', 'timeout', 'died'] as const;

/** In pieces, so that nothing large is copied. */
export function encodeOutcome({ status, outputs }: CellOutcome): Buffer[] {
  const told = outputs.map((output) =>
    output.type === 'logs' ? output : { type: output.type, bytes: output.png.length },
  );
  const images = outputs.flatMap((output) => (output.type === 'image' ? [output.png] : []));
  return [encodeJson({ status, outputs: told }), ...images];
}

/** An image of a kind that a local kernel would have left out is left out here. Throws ProtocolError. */
export function decodeOutcome(body: Buffer, limits: ShownLimits): CellOutcome {
  const { value, rest } = decodeJson(body);
  const status = STATUSES.find((candidate) => candidate === value['status']);
  if (status === undefined) throw new ProtocolError('an outcome without a status');
  let at = 0;
  let images = 0;
  const outputs = list(value['outputs'], MAX_OUTPUTS).flatMap((entry): CellOutput[] => {
    const { type, logs, bytes } = fields(entry);
    if (type === 'logs' && typeof logs === 'string') {
      return [{ type, logs: plain(logs, limits.maxLogBytes + MAX_REMARKS) }];
    }
    if (type !== 'image' || !isCount(bytes)) throw new ProtocolError('an output of no known kind');
    images += 1;
    if (images > limits.maxImages) throw new ProtocolError('more images than a cell may show');
    if (bytes > limits.imageBytes) throw new ProtocolError('an image that is too large');
    const png = rest.subarray(at, (at += bytes));
    const pixels = pngPixels(png) ?? Infinity;
    return pixels <= limits.imagePixels ? [{ type, png }] : [];
  });
  if (at !== rest.length) throw new ProtocolError('images of another length');
  return { status, outputs };
}

export function encodeFiles(files: readonly FileEntry[]): Buffer[] {
  return [encodeJson({ files })];
}

/** Throws ProtocolError. The caller checks paths. */
export function decodeFiles(body: Buffer): FileEntry[] {
  return list(decodeJson(body).value['files'], MAX_FILES).map((entry) => {
    const { path, bytes, stamp } = fields(entry);
    if (typeof path !== 'string' || typeof stamp !== 'string' || !isCount(bytes)) {
      throw new ProtocolError('a file of no known kind');
    }
    return { path, bytes, stamp };
  });
}

export function encodeSnapshot({ blob, unsaved }: Snapshot): Buffer[] {
  if (Buffer.isBuffer(blob)) return [encodeJson({ kind: 'new', names: unsaved }), blob];
  return [encodeJson({ kind: blob === undefined ? 'none' : 'unchanged', names: unsaved })];
}

/** Throws ProtocolError. */
export function decodeSnapshot(body: Buffer): Snapshot {
  const { value, rest } = decodeJson(body);
  const { kind } = value;
  const unsaved = names(value);
  if (kind === 'unchanged') return { blob: kind, unsaved };
  if (kind !== 'new' && kind !== 'none') throw new ProtocolError('a snapshot of no known kind');
  return { blob: kind === 'new' ? rest : undefined, unsaved };
}

export function encodeNames(failed: readonly string[]): Buffer[] {
  return [encodeJson({ names: failed })];
}

/** Throws ProtocolError. */
export function decodeNames(body: Buffer): string[] {
  return names(decodeJson(body).value);
}

function names(value: Record<string, unknown>): string[] {
  try {
    return asNames(value['names']);
  } catch (cause) {
    throw new ProtocolError('names that are none', { cause });
  }
}

/** Text that Postgres can hold, as the local kernel gives it. */
function plain(text: string, max: number): string {
  return text.slice(0, max).toWellFormed().replaceAll('\0', '\uFFFD');
}

function encodeJson(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json]);
}

function decodeJson(body: Buffer): { value: Record<string, unknown>; rest: Buffer } {
  const end = body.length < 4 ? Number.NaN : 4 + body.readUInt32BE(0);
  if (!(end <= body.length)) throw new ProtocolError('a reply that is cut off');
  try {
    const value: unknown = JSON.parse(body.toString('utf8', 4, end));
    return { value: fields(value), rest: body.subarray(end) };
  } catch (cause) {
    throw new ProtocolError('a reply that is no JSON', { cause });
  }
}

function fields(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw new ProtocolError('a value that is no object');
  }
  return value as Record<string, unknown>;
}

function list(value: unknown, max: number): unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  throw new ProtocolError('a list that is none, or too long');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
