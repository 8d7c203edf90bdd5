/** Text as it is counted, stored and shown to models. Pure. */

/** Postgres takes neither NUL nor half of a surrogate pair. */
export function storable(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}

/** Parses a JSON text. Returns `other` when the text is not JSON. */
export function jsonOr<T>(text: string, other: T): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return other;
  }
}

/** A text, and the half of a surrogate pair at its end whose other half may follow. */
export function splitHalf(text: string): [whole: string, half: string] {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? [text.slice(0, -1), text.slice(-1)] : [text, ''];
}

const HEAD_SHARE = 0.6;

/** Keeps the beginning and the end of a text of more than `limit` UTF-16 units, with a mark that says how much is cut. */
export function headAndTail(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = Math.floor(limit * HEAD_SHARE);
  const cut = text.length - limit;
  const tail = text.slice(text.length - (limit - head));
  return `${text.slice(0, head)}\n... [${cut} characters cut] ...\n${tail}`.toWellFormed();
}

/** Length as the limits count it: code points, so that an emoji is one character. */
export function countCharacters(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    count += 1;
    if ((text.codePointAt(at) ?? 0) > 0xffff) at += 1;
  }
  return count;
}
