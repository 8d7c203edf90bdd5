/**
 * What one cell printed. The kernel's stdout and stderr are one stream; the cell's part of it ends with a marker
 * (the cell's random id). Only the beginning and the end of a long output are kept.
 */

const HEAD_SHARE = 0.6;

/** The output of one cell, as bytes arrive. */
export type OutputBuffer = {
  /** Takes the next bytes of the stream; returns true once the marker has passed. Later bytes are ignored. */
  push(chunk: Buffer): boolean;
  /** Bytes seen so far, kept or not. */
  readonly total: number;
  /** The text so far: everything, or the first 60 % and last 40 % of `maxBytes` with a cut mark between. */
  text(): string;
};

/** An empty output that keeps `maxBytes` and ends at `marker`. */
export function outputBuffer(marker: string, maxBytes: number): OutputBuffer {
  const kept = headAndTail(maxBytes);
  const end = Buffer.from(marker);
  // Held back, because the marker may arrive in pieces.
  let held: Buffer = Buffer.alloc(0);
  let ended = false;
  return {
    push(chunk) {
      if (ended) return true;
      const data = Buffer.concat([held, chunk]);
      const at = data.indexOf(end);
      ended = at >= 0;
      const upTo = ended ? at : Math.max(0, data.length - end.length + 1);
      kept.add(data.subarray(0, upTo));
      held = ended ? Buffer.alloc(0) : data.subarray(upTo);
      return ended;
    },
    get total() {
      return kept.total() + held.length;
    },
    text() {
      kept.add(held);
      held = Buffer.alloc(0);
      return kept.text();
    },
  };
}

function headAndTail(maxBytes: number) {
  const headBytes = Math.floor(maxBytes * HEAD_SHARE);
  const head: Buffer[] = [];
  const tail = lastBytes(maxBytes - headBytes);
  let headLength = 0;
  let total = 0;
  return {
    total: () => total,
    add(data: Buffer) {
      total += data.length;
      const toHead = data.subarray(0, headBytes - headLength);
      if (toHead.length > 0) head.push(toHead);
      headLength += toHead.length;
      if (data.length > toHead.length) tail.add(data.subarray(toHead.length));
    },
    text() {
      const end = tail.bytes();
      const cut = total - headLength - end.length;
      if (cut === 0) return decode(Buffer.concat([...head, end]));
      return `${decode(Buffer.concat(head))}\n... [${cut} bytes cut] ...\n${decode(end)}`;
    },
  };
}

/** Cuts only once twice too much has gathered, so that many small chunks cost no more than a few large ones. */
function lastBytes(max: number) {
  let chunks: Buffer[] = [];
  let length = 0;
  const bytes = () => {
    const all = Buffer.concat(chunks);
    return all.subarray(Math.max(0, all.length - max));
  };
  return {
    bytes,
    add(chunk: Buffer) {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= 2 * max) return;
      const kept = Buffer.from(bytes());
      chunks = [kept];
      length = kept.length;
    },
  };
}

/** Invalid UTF-8, also a character halved by the cut, and NUL (which Postgres text cannot hold) become U+FFFD. */
function decode(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\uFFFD');
}
