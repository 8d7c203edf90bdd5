/**
 * The output of one cell. The kernel's stdout and stderr are one stream, in which the cell's random id marks places:
 * id + '(' where its output begins, id + 'i' where an image belongs, id + ')' where it ends.
 * Only the beginning and the end of a long output are kept.
 */

const HEAD_SHARE = 0.6;
// There are as many real marks as images; code can print any number.
const MAX_MARKS = 1_000;
const BEGIN = '(';
const IMAGE = 'i';
const END = ')';

/** The output of one cell, as bytes arrive. */
export type OutputBuffer = {
  /** Takes the next bytes of the stream; returns true once the end has passed. Later bytes are ignored. */
  push(chunk: Buffer): boolean;
  /** Bytes seen so far, kept or not. */
  readonly total: number;
  /**
   * The text so far, in pieces: an image belongs between each two. All text, or the first 60 % and the last 40 % of
   * `maxBytes` with a cut mark between.
   */
  pieces(): string[];
};

/**
 * An empty output that keeps `maxBytes` of the cell with this id. `onText` gets the text before the first image and before
 * a cut, as it arrives.
 */
export function outputBuffer(
  id: string,
  maxBytes: number,
  onText?: (text: string) => void,
): OutputBuffer {
  const kept = headAndTail(maxBytes, onText);
  const marker = Buffer.from(id);
  // Held back, because a marker may arrive in pieces.
  let held: Buffer = Buffer.alloc(0);
  let state: 'before' | 'within' | 'ended' = 'before';
  const keep = (data: Buffer) => {
    if (state === 'within') kept.add(data);
  };
  return {
    push(chunk) {
      let data = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      while (state !== 'ended') {
        const at = data.indexOf(marker);
        // A marker's kind follows it.
        if (at < 0 || at + marker.length === data.length) {
          const upTo = at < 0 ? data.length - beginningAtEnd(data, marker) : at;
          keep(data.subarray(0, upTo));
          held = data.subarray(upTo);
          return false;
        }
        const kind = String.fromCharCode(data[at + marker.length] ?? 0);
        keep(data.subarray(0, at));
        if (kind === BEGIN) state = 'within';
        else if (kind === END) state = 'ended';
        else if (kind === IMAGE && state === 'within') kept.mark();
        data = data.subarray(at + marker.length + 1);
      }
      held = Buffer.alloc(0);
      return true;
    },
    get total() {
      return kept.total() + held.length;
    },
    pieces() {
      keep(held);
      held = Buffer.alloc(0);
      return kept.pieces();
    },
  };
}

/** How many bytes at the end of `data` may be the beginning of `marker`. */
function beginningAtEnd(data: Buffer, marker: Buffer): number {
  let length = Math.min(data.length, marker.length - 1);
  while (length > 0 && !data.subarray(data.length - length).equals(marker.subarray(0, length))) {
    length -= 1;
  }
  return length;
}

function headAndTail(maxBytes: number, onText?: (text: string) => void) {
  const headBytes = Math.floor(maxBytes * HEAD_SHARE);
  const head: Buffer[] = [];
  const tail = lastBytes(maxBytes - headBytes);
  const marks: number[] = [];
  let headLength = 0;
  let total = 0;
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const tell = (bytes: Buffer) => {
    const text = decoder.decode(bytes, { stream: true }).replaceAll('\0', '\uFFFD');
    if (text !== '') onText?.(text);
  };
  return {
    total: () => total,
    /** Remembers this place. */
    mark() {
      if (marks.length < MAX_MARKS) marks.push(total);
    },
    add(data: Buffer) {
      total += data.length;
      const toHead = data.subarray(0, headBytes - headLength);
      if (toHead.length > 0) head.push(toHead);
      if (toHead.length > 0 && marks.length === 0) tell(toHead);
      headLength += toHead.length;
      if (data.length > toHead.length) tail.add(data.subarray(toHead.length));
    },
    /** The text, divided at the marks. Marks in the part that was cut come right after the cut mark. */
    pieces(): string[] {
      const end = tail.bytes();
      const resumes = total - end.length;
      const cut = resumes - headLength;
      if (cut === 0) return divide(Buffer.concat([...head, end]), marks);
      const early = marks.filter((at) => at <= headLength);
      const late = marks.slice(early.length).map((at) => Math.max(0, at - resumes));
      const before = divide(Buffer.concat(head), early);
      const [first = '', ...after] = divide(end, late);
      const seam = `${before.pop() ?? ''}\n... [${cut} bytes cut] ...\n${first}`;
      return [...before, seam, ...after];
    },
  };
}

function divide(data: Buffer, places: readonly number[]): string[] {
  const starts = [0, ...places];
  return starts.map((start, index) => decode(data.subarray(start, starts[index + 1])));
}

/** Cuts when twice the maximum has gathered, so that many small chunks cost no more than a few large ones. */
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
