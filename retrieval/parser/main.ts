/**
 * The parsing process: reads one request and one file from its input and writes the file's chunks to its output. It is
 * started for one file, without environment, and may be killed at any time. Formats are loaded when they are needed.
 */
import { Console } from 'node:console';

import { createChunker, type Piece } from '../chunk-text.ts';
import { DocumentError, type ParseLimits } from '../document.ts';
import type { ParseRequest, ParserMessage } from '../messages.ts';

const BYTES_OF_LINE_END = 1;
const input: AsyncIterable<Buffer> = process.stdin;

// What a library says must not get between the chunks.
globalThis.console = new Console(process.stderr, process.stderr);
// Some libraries leave rejected promises behind: pdf.js beside its error, word-extractor instead of one.
process.on('unhandledRejection', () => {});
process.on('uncaughtException', (error) => void end({ error: toError(error) }));
// Nothing is left to wait for, and there is no answer: a library has lost its way.
process.on('beforeExit', () => void end({ error: toError(undefined) }));
void main();

async function main(): Promise<void> {
  try {
    const { request, parts } = await readRequest(input);
    await parse(request, parts);
    await end({ done: true });
  } catch (error) {
    await end({ error: toError(error) });
  }
}

/** The last message; what a library still holds open is of no interest. */
async function end(message: ParserMessage): Promise<void> {
  await send(message);
  process.exit();
}

async function parse(request: ParseRequest, parts: AsyncIterable<Buffer>): Promise<void> {
  const { chunking, limits } = request;
  const chunker = createChunker(chunking);
  let chunks = 0;
  const sendAll = async (ready: ReturnType<typeof chunker.push>) => {
    for (const chunk of ready) {
      chunks += 1;
      await send({ chunk });
      checkLength(chunker.tokens, limits);
    }
    checkLength(chunker.tokens, limits);
  };
  for await (const { text, page } of readPieces(request, parts)) {
    // PostgreSQL stores neither NUL nor half a character.
    const clean = text.replaceAll('\0', '').toWellFormed();
    await sendAll(chunker.push(page === undefined ? { text: clean } : { text: clean, page }));
  }
  await sendAll(chunker.end());
  if (chunks === 0) throw new DocumentError('invalid_file', 'The file has no text.');
}

async function* readPieces(
  { format, bytes, limits }: ParseRequest,
  parts: AsyncIterable<Buffer>,
): AsyncGenerator<Piece> {
  switch (format) {
    case 'text':
      return yield* (await import('./text.ts')).readText(parts);
    case 'html':
      return yield* (await import('./html.ts')).readHtml(parts);
    case 'pdf':
      return yield* (await import('./pdf.ts')).readPdf(await whole(parts, bytes), limits);
    case 'docx':
      return yield* (await import('./office.ts')).readDocx(await whole(parts, bytes), limits);
    case 'pptx':
      return yield* (await import('./office.ts')).readPptx(await whole(parts, bytes), limits);
    case 'doc':
      return yield* (await import('./doc.ts')).readDoc(await whole(parts, bytes));
  }
}

/** Into memory of the right size at once: put together from parts, a file would be there twice. */
async function whole(parts: AsyncIterable<Buffer>, bytes: number): Promise<Buffer> {
  const file = Buffer.alloc(bytes);
  let length = 0;
  for await (const part of parts) length += part.copy(file, length);
  return file.subarray(0, length);
}

function checkLength(tokens: number, limits: ParseLimits): void {
  if (tokens <= limits.tokens) return;
  const message = `The text of the file is longer than the ${limits.tokens} tokens that one file may have.`;
  throw new DocumentError('invalid_file', message);
}

/** The first line is the request, the rest is the file. */
async function readRequest(
  source: AsyncIterable<Buffer>,
): Promise<{ request: ParseRequest; parts: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let lineEnd = -1;
  while (lineEnd < 0) {
    const { value, done } = await iterator.next();
    if (done === true) throw new Error('No request.');
    head = Buffer.concat([head, value]);
    lineEnd = head.indexOf('\n');
  }
  return {
    request: JSON.parse(head.toString('utf8', 0, lineEnd)) as ParseRequest,
    parts: (async function* rest() {
      yield head.subarray(lineEnd + BYTES_OF_LINE_END);
      yield* { [Symbol.asyncIterator]: () => iterator };
    })(),
  };
}

/** Waits while the reader does. */
function send(message: ParserMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(message)}\n`, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

function toError(error: unknown): { code: DocumentError['code']; message: string } {
  if (error instanceof DocumentError) return { code: error.code, message: error.message };
  const tooLarge = error instanceof RangeError;
  const message = tooLarge
    ? 'The file needs more memory than parsing may use.'
    : 'The file is damaged: it cannot be read.';
  return { code: 'invalid_file', message };
}
