/** A document's chunks, as a parsing process makes them. */
import { PARSE_LIMITS, DocumentError } from './document.ts';
import type { Chunk, ChunkingOptions, DocumentFile, ParseLimits } from './document.ts';
import { formatOf, STREAMED } from './formats.ts';
import { BadMessageError } from './messages.ts';
import type { ParserMessage, ParseRequest } from './messages.ts';
import type { ParserPool } from './parser-pool.ts';
import { startParser } from './parser-process.ts';
import type { Parser } from './parser-process.ts';
import { isBusy, quietMoment } from './quiet-moment.ts';
import { watchProgress, watchTime } from './watch-time.ts';
import type { Watch } from './watch-time.ts';

export type ExtractOptions = ChunkingOptions & {
  signal?: AbortSignal;
  /** In which text of scanned pages is recognised; without, it is not. */
  languages?: readonly string[];
  /** Over PARSE_LIMITS. */
  limits?: Partial<ParseLimits>;
  /** Takes a parser from there and leaves it there; without, one is started for this file alone. */
  reuse?: { pool: ParserPool; owner: string };
  /** Whether other work slows a parser down; without, the load of this computer tells. */
  isBusy?: () => boolean;
};

/** How V8 and the kernel end a process that takes too much memory, or crashes. */
const ENDED_BY_THE_FILE = new Set(['SIGABRT', 'SIGTRAP', 'SIGSEGV', 'SIGBUS', 'SIGILL']);

/**
 * Parses in another process and yields chunks as they come; the process is killed when the reader stops. Throws
 * DocumentError when the file is to blame, what `read` throws, the signal's reason when it aborts, and another error
 * when the parser was not done for long, which says more about the computer than about the file.
 */
export async function* extractChunks(
  file: DocumentFile,
  options: ExtractOptions,
): AsyncGenerator<Chunk> {
  options.signal?.throwIfAborted();
  const limits = { ...PARSE_LIMITS, ...options.limits };
  const request = toRequest(file, options, limits);
  let parser = options.reuse?.pool.take(options.reuse.owner);
  const busy = options.isBusy ?? isBusy;
  let passed = 0;
  let mayRetry = true;
  for (;;) {
    parser ??= startParser(limits);
    await using parsing = startParsing(parser, request, file, options);
    let count = 0;
    try {
      for await (const chunk of parsing.chunks) {
        count += 1;
        if (count <= passed) continue;
        passed = count;
        parsing.watch.pause();
        yield chunk;
        parsing.watch.resume();
      }
      return;
    } catch (error) {
      if (parsing.stopped) throw error;
      // What an earlier file has left behind is no reason to refuse this one: a process of its own decides.
      if (!parser.used) {
        // A busy computer needs more processor time for the same file.
        if (!mayRetry || parser.process.signalCode !== 'SIGXCPU' || !busy()) throw error;
        mayRetry = false;
        await quietMoment(busy, options.signal);
      }
      parser = undefined;
    }
  }
}

function toRequest(file: DocumentFile, options: ExtractOptions, limits: ParseLimits): ParseRequest {
  const format = formatOf(file.filename);
  if (!STREAMED.has(format) && file.bytes > limits.documentBytes) throw tooLarge(limits);
  const { maxTokens, overlapTokens, languages = [] } = options;
  const chunking = { maxTokens, overlapTokens };
  return { format, bytes: file.bytes, chunking, limits, languages };
}

/** A limit, an abort or an error kills the process, and the reader of chunks gets the reason as an exception. */
function startParsing(
  parser: Parser,
  request: ParseRequest,
  file: DocumentFile,
  { signal, reuse }: ExtractOptions,
) {
  const failure = new AbortController();
  const fail = (error: unknown) => {
    failure.abort(error);
    parser.process.kill('SIGKILL');
  };
  parser.process.once('error', fail);
  const { wallMs } = request.limits;
  const getsOn = watchProgress(parser.process.pid);
  const watch = watchTime(wallMs, getsOn, () => fail(notDone(wallMs)));
  const abort = () => fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const feeding = feed(parser, request, file, watch).catch(fail);
  let isDone = false;

  async function nextMessage(): Promise<ParserMessage> {
    failure.signal.throwIfAborted();
    const next = await parser.messages.next().catch((error: unknown) => {
      failure.signal.throwIfAborted();
      throw error instanceof BadMessageError ? damaged() : error;
    });
    if (next.done === true) await parser.closed;
    failure.signal.throwIfAborted();
    if (next.done === true) throw endedEarly(parser, request.limits);
    return next.value;
  }

  return {
    watch,
    /** Whether it was not the parser that ended it. */
    get stopped() {
      return failure.signal.aborted;
    },
    chunks: (async function* chunks() {
      for (;;) {
        const message = await nextMessage();
        if ('chunk' in message) yield message.chunk;
        else if ('error' in message) {
          throw new DocumentError(message.error.code, message.error.message);
        } else if ('done' in message) break;
        else throw damaged();
      }
      await feeding;
      isDone = true;
    })(),
    async [Symbol.asyncDispose]() {
      watch.stop();
      signal?.removeEventListener('abort', abort);
      parser.process.off('error', fail);
      if (isDone && reuse !== undefined) reuse.pool.keep(reuse.owner, parser);
      else await parser.end();
    },
  };
}

async function feed(
  { process: { stdin } }: Parser,
  request: ParseRequest,
  file: DocumentFile,
  watch: Watch,
): Promise<void> {
  const write = (data: string | Uint8Array) =>
    new Promise<void>((resolve) => stdin.write(data, () => resolve()));
  await write(`${JSON.stringify(request)}\n`);
  let left = file.bytes;
  // Reading is not the parser's time.
  watch.pause();
  for await (const part of file.read()) {
    watch.resume();
    left -= part.byteLength;
    if (left < 0) throw new RangeError('The file is larger than was said.');
    await write(part);
    if (left === 0 || stdin.destroyed) return;
    watch.pause();
  }
  watch.resume();
  // It waits for what was said to come.
  if (left > 0) stdin.end();
}

function endedEarly(parser: Parser, limits: ParseLimits): Error {
  const { signalCode, exitCode } = parser.process;
  if (signalCode === 'SIGXCPU') return tooSlow(limits.cpuSeconds);
  if (signalCode !== null && ENDED_BY_THE_FILE.has(signalCode)) {
    const complaint = parser.complaint();
    return complaint === '' || /memory|alloc/i.test(complaint) ? tooMuchMemory() : damaged();
  }
  const how = signalCode ?? `exit code ${exitCode}`;
  return new Error(`The parsing process ended with ${how}.`, { cause: parser.complaint() });
}

function tooSlow(seconds: number): DocumentError {
  const message = `Parsing the file takes more than ${seconds} seconds of processor time.`;
  return new DocumentError('invalid_file', message);
}

function tooMuchMemory(): DocumentError {
  return new DocumentError('invalid_file', 'The file needs more memory than parsing may use.');
}

function notDone(milliseconds: number): Error {
  return new Error(`The parser was not done within ${Math.ceil(milliseconds / 1_000)} seconds.`);
}

function tooLarge({ documentBytes }: ParseLimits): DocumentError {
  const message = `The file is larger than the ${documentBytes} bytes that a file of its kind may have.`;
  return new DocumentError('invalid_file', message);
}

function damaged(): DocumentError {
  return new DocumentError('invalid_file', 'The file is damaged: it cannot be read.');
}
