/** Cuts stored content into lines. Of the content one chunk is in memory, and the line that it ends in. */
import { isUtf8 } from 'node:buffer';

import type { BlobPlace } from '../../db/blobs/blob-parts.ts';

/** Our decision: a longer line would hold up the event loop while it is parsed. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

const NEWLINE = 0x0a;

/** `text` is undefined for a line that is too long, or is not UTF-8. `next`: where the line after it begins. */
export type Line = { place: BlobPlace; next: BlobPlace; bytes: number; text: string | undefined };

export async function* readLines(
  chunks: AsyncIterable<BlobPlace & { data: Buffer }>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let bytes = 0;
  let place: BlobPlace | undefined;
  let next: BlobPlace | undefined;
  const hold = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxBytes) held.push(piece);
  };
  const line = (from: BlobPlace, to: BlobPlace): Line => {
    const content = Buffer.concat(held);
    const text = bytes <= maxBytes && isUtf8(content) ? content.toString() : undefined;
    const found = { place: from, next: to, bytes, text };
    held = [];
    bytes = 0;
    return found;
  };
  for await (const { chunk, offset, data } of chunks) {
    let from = 0;
    for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, from)) {
      place ??= { chunk, offset: offset + from };
      hold(data.subarray(from, end));
      from = end + 1;
      yield line(place, { chunk, offset: offset + from });
      place = undefined;
    }
    if (from < data.length) place ??= { chunk, offset: offset + from };
    hold(data.subarray(from));
    next = { chunk, offset: offset + data.length };
  }
  if (place !== undefined && next !== undefined) yield line(place, next);
}
