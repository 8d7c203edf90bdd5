/**
 * The entries of a zip archive by name, inflated while they are read. Sizes are those that really come out: what the
 * archive declares is not looked at. Names are only names, nothing is ever written.
 */
import { createInflateRaw } from 'node:zlib';

import { DocumentError } from '../document.ts';
import type { ParseLimits } from '../document.ts';

export type Archive = {
  /** In the archive's order. */
  names: string[];
  /** Throws DocumentError when the data is broken or too much. */
  read(name: string): AsyncGenerator<Uint8Array>;
};

type Entry = { method: number; encrypted: boolean; compressedBytes: number; offset: number };

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const STORED = 0;
const DEFLATED = 8;
/** An archive of little text may well be inflated a hundredfold. */
const RATIO_COUNTS_FROM_BYTES = 16 * 1024 * 1024;

/** Throws DocumentError for what is no archive, and for one with too many entries. */
export function openArchive(bytes: Buffer, limits: ParseLimits): Archive {
  const entries = readDirectory(bytes, limits.archiveEntries);
  const mostBytes = Math.min(
    limits.inflatedBytes,
    Math.max(RATIO_COUNTS_FROM_BYTES, bytes.length * limits.inflateRatio),
  );
  let inflatedBytes = 0;
  const measured = new Set<Entry>();
  return {
    names: [...entries.keys()],
    async *read(name) {
      const entry = entries.get(name);
      if (entry === undefined) return;
      if (entry.encrypted) {
        throw new DocumentError('invalid_file', 'The file is protected with a password.');
      }
      // A bomb is found before anything is made of it.
      for await (const part of measured.has(entry) ? [] : inflate(bytes, entry)) {
        inflatedBytes += part.length;
        if (inflatedBytes > mostBytes) throw tooMuch();
      }
      measured.add(entry);
      yield* inflate(bytes, entry);
    },
  };
}

/** Of entries with the same name the last one counts. */
function readDirectory(bytes: Buffer, mostEntries: number): Map<string, Entry> {
  const end = findEnd(bytes);
  const count = bytes.readUInt16LE(end + 10);
  if (count > mostEntries) {
    throw new DocumentError(
      'invalid_file',
      `The file has ${count} parts, of which at most ${mostEntries} are read.`,
    );
  }
  const entries = new Map<string, Entry>();
  let at = bytes.readUInt32LE(end + 16);
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== DIRECTORY_ENTRY) throw damaged();
    const nameBytes = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameBytes);
    entries.set(name, {
      method: bytes.readUInt16LE(at + 10),
      encrypted: (bytes.readUInt16LE(at + 8) & 1) === 1,
      compressedBytes: bytes.readUInt32LE(at + 20),
      offset: bytes.readUInt32LE(at + 42),
    });
    at += 46 + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

function findEnd(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - END_BYTES - LONGEST_COMMENT);
  for (let at = bytes.length - END_BYTES; at >= first; at -= 1) {
    if (bytes.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  }
  throw damaged();
}

async function* inflate(
  bytes: Buffer,
  { method, compressedBytes, offset }: Entry,
): AsyncGenerator<Uint8Array> {
  if (offset + 30 > bytes.length || bytes.readUInt32LE(offset) !== LOCAL_ENTRY) throw damaged();
  const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
  const data = bytes.subarray(start, start + compressedBytes);
  if (method === STORED) {
    yield data;
    return;
  }
  if (method !== DEFLATED) throw damaged();
  const inflater = createInflateRaw();
  inflater.end(data);
  try {
    for await (const part of inflater) yield part as Uint8Array;
  } catch {
    throw damaged();
  }
}

function tooMuch(): DocumentError {
  const message = 'The file has far more in it than its size allows for.';
  return new DocumentError('invalid_file', message);
}

function damaged(): DocumentError {
  return new DocumentError('invalid_file', 'The file is damaged: its archive cannot be read.');
}
