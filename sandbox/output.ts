/**
 * What one cell printed. The kernel's stdout and stderr are one stream; the cell's part of it ends with a marker
 * (the cell's random id). Only the beginning and the end of a long output are kept.
 */

const HEAD_SHARE = 0.6;

/** The output of one cell, as bytes arrive. */
export type CellOutput = {
  /** Takes the next bytes of the stream; returns true once the marker has passed. Later bytes are ignored. */
  push(chunk: Buffer): boolean;
  /** Bytes seen so far, kept or not. */
  readonly total: number;
  /** The text so far: everything, or the first 60 % and last 40 % of `maxBytes` with a cut mark between. */
  text(): string;
};

/** An empty output that keeps `maxBytes` and ends at `marker`. */
export function cellOutput(marker: string, maxBytes: number): CellOutput {
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
      held = ended ? Buffer.alloc(0) : Buffer.from(data.subarray(upTo));
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
  const tailBytes = maxBytes - headBytes;
  const head: Buffer[] = [];
  let headLength = 0;
  let tail: Buffer = Buffer.alloc(0);
  let total = 0;
  return {
    total: () => total,
    add(data: Buffer) {
      total += data.length;
      const toHead = data.subarray(0, headBytes - headLength);
      if (toHead.length > 0) head.push(Buffer.from(toHead));
      headLength += toHead.length;
      const rest = data.subarray(toHead.length);
      if (rest.length > 0) tail = lastBytes(tail, rest, tailBytes);
    },
    text() {
      const cut = total - headLength - tail.length;
      if (cut === 0) return decode(Buffer.concat([...head, tail]));
      return `${decode(Buffer.concat(head))}\n... [${cut} bytes cut] ...\n${decode(tail)}`;
    },
  };
}

/** Copies, so that a kept tail never holds a whole chunk in memory. */
function lastBytes(tail: Buffer, rest: Buffer, max: number): Buffer {
  if (rest.length >= max) return Buffer.from(rest.subarray(rest.length - max));
  const keep = tail.subarray(Math.max(0, tail.length + rest.length - max));
  return Buffer.concat([keep, rest]);
}

/** Invalid UTF-8, also a character halved by the cut, and NUL (which Postgres text cannot hold) become U+FFFD. */
function decode(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\uFFFD');
}
