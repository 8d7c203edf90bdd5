/**
 * What the two processes say: the parent one line of JSON and then the file, the parser lines of JSON: chunks, and how
 * it ended. `ready`, some time after `done`, asks for the next file. A parser that a file has taken over could say
 * anything, so its lines are checked and bounded.
 */
import type { Chunk, ChunkingOptions, DocumentErrorCode, ParseLimits } from './document.ts';
import type { Format } from './formats.ts';

export type ParseRequest = {
  format: Format;
  /** Of the file. */
  bytes: number;
  chunking: ChunkingOptions;
  limits: ParseLimits;
  /** Of text in pictures of pages, as Tesseract names them; empty: it is not recognised. */
  languages: readonly string[];
};

export type ParserMessage =
  | { chunk: Chunk }
  | { error: { code: DocumentErrorCode; message: string } }
  | { done: true }
  | { ready: true };

/** The parser broke its side of the conversation. */
export class BadMessageError extends Error {
  override name = 'BadMessageError';
}

/** 4,096 units of 25 characters are 100,000 characters, each at most six bytes of JSON. */
const MAX_LINE_BYTES = 1024 * 1024;
const MAX_ERROR_CHARACTERS = 500;

/** The messages in what a parser writes. Throws BadMessageError. */
export async function* readMessages(output: AsyncIterable<Buffer>): AsyncGenerator<ParserMessage> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const data of output) {
    let from = 0;
    for (let to = data.indexOf(10); to >= 0; to = data.indexOf(10, from)) {
      yield toMessage(Buffer.concat([...parts, data.subarray(from, to)]).toString('utf8'));
      parts = [];
      bytes = 0;
      from = to + 1;
    }
    parts.push(data.subarray(from));
    bytes += data.length - from;
    if (bytes > MAX_LINE_BYTES) {
      throw new BadMessageError('The parser wrote a line that is too long.');
    }
  }
}

function toMessage(line: string): ParserMessage {
  const message = parse(line);
  if (isObject(message)) {
    if (message['done'] === true) return { done: true };
    if (message['ready'] === true) return { ready: true };
    if (isChunk(message['chunk'])) return { chunk: message['chunk'] };
    if (isError(message['error'])) return { error: message['error'] };
  }
  throw new BadMessageError('The parser wrote something that is no message.');
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isChunk(value: unknown): value is Chunk {
  if (!isObject(value)) return false;
  const { text, headings, tableHeader, tokens, page, start, end } = value;
  const numbers = [tokens, start, end, page ?? 1].every((number) => Number.isSafeInteger(number));
  const texts = [text, tableHeader ?? '', ...(Array.isArray(headings) ? headings : [null])];
  const areTexts = texts.every((one) => typeof one === 'string');
  return areTexts && numbers && Object.keys(value).length === 7;
}

function isError(value: unknown): value is { code: DocumentErrorCode; message: string } {
  if (!isObject(value)) return false;
  const { code, message } = value;
  const known = code === 'unsupported_file' || code === 'invalid_file';
  return known && typeof message === 'string' && message.length <= MAX_ERROR_CHARACTERS;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
