/**
 * The parsing process: for each request it reads a file from its input and writes the file's chunks to its output. It has
 * no environment, and may be killed at any time. Formats are loaded when they are needed.
 */
import { Console } from 'node:console';
import { once } from 'node:events';

import { createChunker } from '../chunk-text.ts';
import type { Piece } from '../chunk-text.ts';
import { DocumentError } from '../document.ts';
import type { ParseLimits } from '../document.ts';
import type { ParseRequest, ParserMessage } from '../messages.ts';
import { readRequests } from './requests.ts';

/** What libraries may have left behind after so many files is not carried any further. */
const MOST_FILES = 100;
/** The shares of its limits that may be used up when a file begins. */
const WORN_SECONDS = 1 / 4;
const WORN_MEMORY = 1 / 3;

let settling = false;

// What a library says must not get between the chunks.
globalThis.console = new Console(process.stderr, process.stderr);
// word-extractor leaves rejected promises behind instead of errors.
process.on('unhandledRejection', () => {});
process.on('uncaughtException', (error) => void end({ error: toError(error) }));
process.on('beforeExit', () => {
  // Nothing is left to wait for, and there is no answer: a library has lost its way.
  if (!settling) void end({ error: toError(undefined) });
});
void main();

async function main(): Promise<void> {
  try {
    let files = 0;
    for await (const { request, parts } of readRequests(process.stdin)) {
      settling = false;
      await parse(request, parts);
      for await (const _ of parts);
      await send({ done: true });
      await settle();
      files += 1;
      if (files === MOST_FILES || isWorn(request.limits)) break;
      await send({ ready: true });
    }
    process.exit();
  } catch (error) {
    await end({ error: toError(error) });
  }
}

/** Nothing of the last file runs any more once the event loop is empty: its timers, its promises. */
async function settle(): Promise<void> {
  settling = true;
  await once(process, 'beforeExit');
}

function isWorn({ cpuSeconds, memoryBytes }: ParseLimits): boolean {
  const { user, system } = process.cpuUsage();
  const seconds = (user + system) / 1_000_000;
  return (
    seconds > cpuSeconds * WORN_SECONDS || process.memoryUsage.rss() > memoryBytes * WORN_MEMORY
  );
}

/** The last message; what a library still holds open is of no interest. */
async function end(message: ParserMessage): Promise<void> {
  await send(message);
  process.exit();
}

async function parse(request: ParseRequest, parts: AsyncIterable<Buffer>): Promise<void> {
  const { chunking, limits } = request;
  const chunker = createChunker(chunking, request.format !== 'text');
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
  { format, bytes, limits, languages }: ParseRequest,
  parts: AsyncIterable<Buffer>,
): AsyncGenerator<Piece> {
  switch (format) {
    case 'text':
    case 'markdown':
      return yield* (await import('./text/text.ts')).readText(parts);
    case 'json':
      return yield* (await import('./text/escapes.ts')).readJson(parts);
    case 'xml':
      return yield* (await import('./text/escapes.ts')).readXml(parts);
    case 'csv':
      return yield* (await import('./text/csv.ts')).readCsv(parts);
    case 'tex':
      return yield* (await import('./text/tex.ts')).readTex(parts);
    case 'notebook':
      return yield* (await import('./text/notebook.ts')).readNotebook(parts);
    case 'html':
      return yield* (await import('./page/html.ts')).readHtml(parts);
    case 'pdf':
      return yield* (await import('./pdf/read-pdf.ts')).readPdf(parts, {
        bytes,
        limits,
        languages,
      });
    case 'docx':
      return yield* (await import('./office/docx.ts')).readDocx(await whole(parts, bytes), limits);
    case 'pptx':
      return yield* (await import('./office/pptx.ts')).readPptx(await whole(parts, bytes), limits);
    case 'xlsx':
      return yield* (await import('./office/xlsx.ts')).readXlsx(await whole(parts, bytes), limits);
    case 'odf':
      return yield* (await import('./office/odf.ts')).readOdf(await whole(parts, bytes), limits);
    case 'epub':
      return yield* (await import('./epub.ts')).readEpub(await whole(parts, bytes), limits);
    case 'rtf':
      return yield* (await import('./text/rtf.ts')).readRtf(await whole(parts, bytes));
    case 'eml':
      return yield* (await import('./eml.ts')).readEml(await whole(parts, bytes));
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
  const message = isOutOfMemory(error)
    ? 'The file needs more memory than parsing may use.'
    : 'The file is damaged: it cannot be read.';
  return { code: 'invalid_file', message };
}

/** Of JavaScript, which also calls too deep a stack a range, or of WebAssembly, which aborts. */
function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof RangeError) return !error.message.includes('call stack');
  return error.name === 'RuntimeError' && error.message.startsWith('Aborted');
}
