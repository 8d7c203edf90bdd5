/** Decodes the escapes in the text of JSON (`\u00fc`) and XML (`&#252;`). */
import type { Piece } from '../../chunk-text.ts';
import { declaredEncoding } from '../page/html.ts';
import { decodeText } from './decode.ts';

type Escapes = {
  pattern: RegExp;
  /** The first character and the greatest length of an escape. */
  start: string;
  longest: number;
  decode: (match: RegExpMatchArray) => string;
};

const SHORT: Record<string, string> = { n: '\n', r: '\n', t: '\t', b: ' ', f: ' ' };
const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const LAST_CODE_POINT = 0x10ffff;

const JSON_ESCAPES: Escapes = {
  // The first alternative keeps the halves of a surrogate pair together.
  pattern: /\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})|\\(["\\/bfnrt])/gi,
  start: '\\',
  longest: 12,
  decode: ([, high, low, code, short = '']) => {
    const codes = [high, low, code].filter((each) => each !== undefined);
    if (codes.length === 0) return SHORT[short] ?? short;
    return String.fromCharCode(...codes.map((each) => Number.parseInt(each, 16)));
  },
};

const XML_ESCAPES: Escapes = {
  pattern: /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi,
  start: '&',
  longest: 10,
  decode: ([, decimal, hex, name = '']) => {
    if (decimal === undefined && hex === undefined) return NAMED[name.toLowerCase()] ?? '';
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    return String.fromCodePoint(Math.min(code, LAST_CODE_POINT));
  },
};

export function readJson(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  return decodeEscapes(decodeText(bytes), JSON_ESCAPES);
}

export function readXml(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  return decodeEscapes(decodeText(bytes, declaredEncoding), XML_ESCAPES);
}

async function* decodeEscapes(
  parts: AsyncIterable<string>,
  { pattern, start, longest, decode }: Escapes,
): AsyncGenerator<Piece> {
  let held = '';
  for await (const part of parts) {
    const text = held + part;
    let ready = '';
    let done = 0;
    for (const match of text.matchAll(pattern)) {
      ready += text.slice(done, match.index) + decode(match);
      done = match.index + match[0].length;
    }
    // An escape may go on in the next part.
    const open = text.indexOf(start, Math.max(done, text.length - longest));
    const end = open < 0 ? text.length : open;
    held = text.slice(end);
    yield { text: ready + text.slice(done, end) };
  }
  yield { text: held };
}
