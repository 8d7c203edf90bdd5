/** A document's chunks, as a parsing process makes them. */
import { once } from 'node:events';

import { PARSE_LIMITS, DocumentError } from './document.ts';
import type { Chunk, ChunkingOptions, DocumentFile, ParseLimits } from './document.ts';
import { formatOf } from './formats.ts';
import { BadMessageError, readMessages, type ParseRequest } from './messages.ts';
import { startParser, type ParserProcess } from './parser-process.ts';
import { watchTime, type Watch } from './watch-time.ts';

export type ExtractOptions = ChunkingOptions & {
  signal?: AbortSignal;
  /** Over PARSE_LIMITS. */
  limits?: Partial<ParseLimits>;
};

const MAX_COMPLAINT_CHARACTERS = 4_096;
/** How V8 and the kernel end a process that takes too much memory, or crashes. */
const ENDED_BY_THE_FILE = new Set(['SIGABRT', 'SIGTRAP', 'SIGSEGV', 'SIGBUS', 'SIGILL']);

/**
 * Parses in a process of its own and yields chunks as they come; the process is killed when the reader stops. Throws
 * DocumentError when the file is to blame, what `read` throws, and the signal's reason when it aborts.
 */
export async function* extractChunks(
  file: DocumentFile,
  options: ExtractOptions,
): AsyncGenerator<Chunk> {
  options.signal?.throwIfAborted();
  const limits = { ...PARSE_LIMITS, ...options.limits };
  const request = toRequest(file, options, limits);
  await using parsing = startParsing(request, file, options.signal);
  for await (const message of parsing.messages) {
    if ('error' in message) throw new DocumentError(message.error.code, message.error.message);
    if ('done' in message) return;
    parsing.watch.pause();
    yield message.chunk;
    parsing.watch.resume();
  }
}

function toRequest(file: DocumentFile, options: ExtractOptions, limits: ParseLimits): ParseRequest {
  const format = formatOf(file.filename);
  if (format !== 'text' && file.bytes > limits.documentBytes) throw tooLarge(limits);
  const { maxTokens, overlapTokens } = options;
  return { format, bytes: file.bytes, chunking: { maxTokens, overlapTokens }, limits };
}

/** Whatever ends it, and for whatever reason, the process is killed and the reason thrown to who reads messages. */
function startParsing(request: ParseRequest, file: DocumentFile, signal: AbortSignal | undefined) {
  const parser = startParser(request.limits);
  const failure = new AbortController();
  const fail = (error: unknown) => {
    failure.abort(error);
    parser.kill('SIGKILL');
  };
  const closed = once(parser, 'close').catch(fail);
  const watch = watchTime(request.limits.wallMs, () => fail(tooSlow(request.limits.wallMs)));
  const abort = () => fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const complaint = collectComplaint(parser);
  feed(parser, request, file, watch).catch(fail);

  return {
    watch,
    messages: (async function* messages() {
      try {
        for await (const message of readMessages(parser.stdout)) {
          failure.signal.throwIfAborted();
          yield message;
          failure.signal.throwIfAborted();
        }
      } catch (error) {
        failure.signal.throwIfAborted();
        throw error instanceof BadMessageError ? damaged() : error;
      }
      await closed;
      failure.signal.throwIfAborted();
      throw endedEarly(parser, request.limits, complaint());
    })(),
    async [Symbol.asyncDispose]() {
      watch.stop();
      signal?.removeEventListener('abort', abort);
      parser.kill('SIGKILL');
      parser.stdout.destroy();
      await closed;
    },
  };
}

/** Ends quietly when the parser does: what it has said, or how it ended, tells why. */
async function feed(
  parser: ParserProcess,
  request: ParseRequest,
  file: DocumentFile,
  watch: Watch,
): Promise<void> {
  const { stdin } = parser;
  stdin.on('error', () => {});
  const write = (data: string | Uint8Array) =>
    new Promise<void>((resolve) => stdin.write(data, () => resolve()));
  await write(`${JSON.stringify(request)}\n`);
  let bytes = 0;
  // Reading is not the parser's time.
  watch.pause();
  for await (const part of file.read()) {
    watch.resume();
    bytes += part.byteLength;
    if (bytes > file.bytes) throw new RangeError('The file is larger than was said.');
    await write(part);
    if (stdin.destroyed) return;
    watch.pause();
  }
  watch.resume();
  stdin.end();
}

/** Ours is empty: the runtime writes there when it breaks down. */
function collectComplaint(parser: ParserProcess): () => string {
  let said = '';
  parser.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_COMPLAINT_CHARACTERS) said += text.slice(0, MAX_COMPLAINT_CHARACTERS);
  });
  return () => said.trim();
}

function endedEarly(parser: ParserProcess, limits: ParseLimits, complaint: string): Error {
  const { signalCode, exitCode } = parser;
  if (signalCode === 'SIGXCPU') return tooSlow(limits.cpuSeconds * 1000);
  if (signalCode !== null && ENDED_BY_THE_FILE.has(signalCode))
    return new DocumentError('invalid_file', 'The file needs more memory than parsing may use.');
  const how = signalCode ?? `exit code ${exitCode}`;
  return new Error(`The parsing process ended with ${how}.`, { cause: complaint });
}

function tooSlow(milliseconds: number): DocumentError {
  const seconds = Math.ceil(milliseconds / 1000);
  return new DocumentError(
    'invalid_file',
    `Parsing the file takes longer than ${seconds} seconds.`,
  );
}

function tooLarge({ documentBytes }: ParseLimits): DocumentError {
  const message = `The file is larger than the ${documentBytes} bytes that a file of its kind may have.`;
  return new DocumentError('invalid_file', message);
}

function damaged(): DocumentError {
  return new DocumentError('invalid_file', 'The file is damaged: it cannot be read.');
}
