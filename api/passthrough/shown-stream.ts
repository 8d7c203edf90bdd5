/** A stream of a model server on its way to the caller, whole lines at a time, with its lines as `show` makes them. */

/** Of one line. A longer one is passed on in pieces, unless its beginning is an error. */
const HELD_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** `show` gets and returns bytes as characters (latin1). */
export async function* shownStream(
  chunks: AsyncIterable<Uint8Array>,
  show: (lines: string) => string,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let length = 0;
  let dropping = false;
  for await (const received of chunks) {
    const start = dropping ? received.indexOf(NEWLINE) : 0;
    if (start < 0) continue;
    dropping = false;
    const chunk = received.subarray(start);
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const isLong = end === 0 && length + chunk.length > HELD_BYTES;
    const cut = isLong ? chunk.length : end;
    if (cut > 0) {
      const bytes = Buffer.concat([...held, chunk.subarray(0, cut)]);
      const shown = showBytes(bytes, show);
      dropping = isLong && shown !== bytes;
      yield shown;
      [held, length] = [[], 0];
    }
    held.push(chunk.subarray(cut));
    length += chunk.length - cut;
  }
  if (length > 0) yield showBytes(Buffer.concat(held), show);
}

function showBytes(bytes: Buffer, show: (lines: string) => string): Buffer {
  const text = bytes.toString('latin1');
  const shown = show(text);
  return shown === text ? bytes : Buffer.from(shown, 'latin1');
}
