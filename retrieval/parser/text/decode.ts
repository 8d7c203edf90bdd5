/**
 * Bytes into text as the hosted service takes it: UTF-8 (with ASCII in it) and UTF-16, and nothing by guess. Other encodings
 * are read where the document declares them.
 */
import { TextDecoder } from 'node:util';

import { DocumentError } from '../../document.ts';

/** Enough to tell UTF-16 without a byte order mark by its zeros. */
const SAMPLE_BYTES = 4_096;

/** Text may contain a few NULs by mistake, which are dropped; a file with a larger share is not text. */
const MOST_ZEROS = 0.2;
/** Controls, private and unassigned characters do not occur in text. */
const IMPOSSIBLE = /(?!\s)[\p{Cc}\p{Co}\p{Cn}]/u;

/** The encoding that a document's beginning says it has. */
export type Declaration = (sample: Uint8Array) => string | undefined;

/** Decodes while the bytes arrive. Throws DocumentError for anything that is not text in one of the encodings. */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array>,
  declared: Declaration = () => undefined,
): AsyncGenerator<string> {
  let sample = new Uint8Array();
  let decoder: TextDecoder | undefined;
  for await (const part of bytes) {
    if (decoder !== undefined) {
      yield decode(decoder, part);
      continue;
    }
    sample = Buffer.concat([sample, part]);
    if (sample.length < SAMPLE_BYTES) continue;
    decoder = decoderFor(sample, declared);
    yield decode(decoder, sample);
  }
  if (decoder === undefined) {
    decoder = decoderFor(sample, declared);
    yield decode(decoder, sample);
  }
  yield decode(decoder);
}

function decoderFor(all: Uint8Array, declared: Declaration): TextDecoder {
  const sample = all.subarray(0, SAMPLE_BYTES);
  return new TextDecoder(encodingOf(sample, declared), { fatal: true });
}

function encodingOf(sample: Uint8Array, declared: Declaration): string {
  if (sample[0] === 0xff && sample[1] === 0xfe) return 'utf-16le';
  if (sample[0] === 0xfe && sample[1] === 0xff) return 'utf-16be';
  const zeros = sample.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  if (zeros === 0) return declaredEncoding(sample, declared) ?? 'utf-8';
  const isSparse = zeros < sample.length * MOST_ZEROS;
  if (isSparse && decodes(sample, 'utf-8') !== undefined) return 'utf-8';
  // In UTF-16 of any script, spaces and line ends contain zeros. Read in the wrong byte order, it has impossible characters.
  const [first, ...others] = ['utf-16le', 'utf-16be'].filter((name) => isText(sample, name));
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined) return halfWithZeros(sample);
  if (isSparse) return declaredEncoding(sample, declared) ?? 'utf-8';
  throw new DocumentError('invalid_file', 'The file is not text.');
}

function isText(sample: Uint8Array, encoding: string): boolean {
  const even = sample.subarray(0, sample.length - (sample.length % 2));
  const text = decodes(even, encoding);
  return text !== undefined && !IMPOSSIBLE.test(text);
}

function decodes(sample: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(sample, { stream: true });
  } catch {
    return undefined;
  }
}

/** The upper byte of each character of a Western text is zero. */
function halfWithZeros(sample: Uint8Array): string {
  let upper = 0;
  sample.forEach((byte, index) => {
    if (byte === 0) upper += index % 2 === 1 ? 1 : -1;
  });
  return upper >= 0 ? 'utf-16le' : 'utf-16be';
}

/** A mark at the beginning counts for more, and what is read as bytes is not UTF-16, whatever it says. */
function declaredEncoding(sample: Uint8Array, declared: Declaration): string | undefined {
  if (sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf) return undefined;
  try {
    const { encoding } = new TextDecoder(declared(sample));
    return encoding.startsWith('utf-16') ? undefined : encoding;
  } catch {
    return undefined; // No encoding that anybody knows.
  }
}

/** Without bytes: the end of the text. */
function decode(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    // PostgreSQL has no NUL, and browsers have none in markup.
    return decoder.decode(bytes, { stream: bytes !== undefined }).replaceAll('\0', '');
  } catch {
    const declared = decoder.encoding.startsWith('utf-')
      ? ''
      : `, nor ${decoder.encoding} as it says`;
    const message = `The text of the file is neither UTF-8 nor UTF-16${declared}.`;
    throw new DocumentError('invalid_file', message);
  }
}
