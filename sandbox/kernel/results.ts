/** Checks results of a kernel, which may be anything. */
import type { FileEntry } from '../backend.ts';

const MAX_NAMES = 101;
const MAX_NAME_LENGTH = 200;

/** The body of a `done` frame. */
export function parseResult(body: Buffer): Record<string, unknown> {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('a result that is not an object');
  }
  return value as Record<string, unknown>;
}

/** Files as the kernel lists them. The caller checks their paths. */
export function asListing(body: Buffer): FileEntry[] {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (!Array.isArray(value)) throw new Error('a listing that is not a list');
  return value.map((entry: unknown) => {
    const [path, bytes, stamp] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof path !== 'string' || typeof stamp !== 'string' || !isCount(bytes)) {
      throw new Error('a listing with an invalid file');
    }
    return { path, bytes, stamp };
  });
}

/** Names of variables, bounded in number and length. */
export function asNames(value: unknown): string[] {
  if (!Array.isArray(value)) throw new Error('names that are not a list');
  return value
    .slice(0, MAX_NAMES)
    .map((name) => String(name).toWellFormed().replaceAll('\0', '').slice(0, MAX_NAME_LENGTH));
}

/** The kind of a snapshot. */
export function asSnapshotKind(value: unknown): 'none' | 'same' | 'new' {
  if (value === 'none' || value === 'same' || value === 'new') return value;
  throw new Error('a snapshot of an unknown kind');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
