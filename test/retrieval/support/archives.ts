/** Zip archives as the tests want them, honest or not. */
import { constants, crc32, deflateRawSync } from 'node:zlib';

export type Entry = {
  name: string;
  data?: string | Uint8Array;
  /** What the archive says instead of the truth. */
  declaredBytes?: number;
  /** Deflated already. */
  deflated?: Uint8Array;
  method?: number;
  flags?: number;
  /** Unix mode and type, in the upper half. */
  attributes?: number;
  /** The data is that of the entry at this index. */
  sameDataAs?: number;
  /** Where the archive says the data is. */
  declaredOffset?: number;
};

export type ArchiveLies = { declaredEntries?: number; directoryAt?: number };

export function zip(entries: readonly Entry[], lies: ArchiveLies = {}): Buffer {
  const locals: Buffer[] = [];
  const offsets: number[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const data = Buffer.from(entry.data ?? '');
    const method = entry.method ?? 8;
    const packed = Buffer.from(entry.deflated ?? (method === 8 ? deflateRawSync(data) : data));
    const bytes = entry.declaredBytes ?? data.length;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(entry.flags ?? 0, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, packed]);
    const at = entry.sameDataAs === undefined ? offset : (offsets[entry.sameDataAs] ?? 0);
    offsets.push(at);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(entry.attributes ?? 0, 6);
    tail.writeUInt32LE(entry.declaredOffset ?? at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, tail, name]));
    if (entry.sameDataAs !== undefined) continue;
    locals.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  const count = lies.declaredEntries ?? entries.length;
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(lies.directoryAt ?? offset, 16);
  return Buffer.concat([...locals, listed, end]);
}

/** A deflated stream of `repeated` over and over: a gibibyte in a mebibyte, made without ever being there. */
export function deflatedBomb(repeated: string, times: number, before = '', after = ''): Buffer {
  const flushed = { finishFlush: constants.Z_FULL_FLUSH };
  const block = deflateRawSync(Buffer.from(repeated), flushed);
  const blocks = Array.from({ length: times }, () => block);
  return Buffer.concat([deflateRawSync(before, flushed), ...blocks, deflateRawSync(after)]);
}
