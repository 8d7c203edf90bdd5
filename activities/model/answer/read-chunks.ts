/**
 * Reads a streamed chat completion: server-sent events in, parsed chunks out, everything of one network read at once.
 * The client's own iterator passes each token through several async generators, which at hundreds of streams is most of
 * a worker's time. A server that answers with one JSON completion is read too.
 */
import { jsonOr } from '../../../wire/text.ts';
import { ModelStreamError } from '../../failures.ts';
import type { Chunk } from './accumulate-chunks.ts';
import { isErrorBody, ModelServerError } from '../server-error.ts';

/** Longest event, in characters: nothing a model sends comes near. */
const MAX_EVENT = 8 * 1024 * 1024;
const LINE_END = /\r\n|\n|\r/;

/** `done`: the server said that nothing follows. */
export type Received = { chunks: Chunk[]; done: boolean };

export type ReadOptions = {
  /** Whether the answer has ended: what follows may be anything. */
  finished: () => boolean;
  /** Where the answer comes from, for errors. */
  source: { url: string; apiKey: string };
};

/**
 * Yields once per network read, also when it held no chunk: the server is alive.
 * @throws ModelServerError for an error in the place of a chunk; ModelStreamError for what is no completion
 */
export async function* readChunks(
  body: ReadableStream<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<Received> {
  const decoder = new TextDecoder();
  const lines = new EventLines();
  const reader = body.getReader();
  try {
    for (;;) {
      const read = await reader.read().catch(cutOff(options));
      const text = read.done
        ? `${decoder.decode()}\n\n`
        : decoder.decode(read.value, { stream: true });
      const received = parseEvents(lines.push(text), options);
      if (read.done && !received.done && lines.plain.trim() !== '') {
        yield { chunks: [parseCompletion(lines.plain, options)], done: true };
      } else yield received;
      if (received.done || read.done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A connection that breaks after the answer has ended is no loss. */
function cutOff({ finished }: ReadOptions) {
  return (cause: unknown): { done: true; value: undefined } => {
    if (finished()) return { done: true, value: undefined };
    throw new ModelStreamError('The connection to the model server was lost.', {
      retryable: true,
      lost: true,
      cause,
    });
  };
}

type ServerEvent = { name: string; data: string };

/** Collects the data of each event; an event ends with an empty line. */
class EventLines {
  /** What came before the first field of an event: a server that does not stream. */
  plain = '';
  #rest = '';
  /** A carriage return at the end of a read may be half of a line end. */
  #halfEnd = '';
  #name = '';
  #data: string[] = [];
  #streams = false;

  push(text: string): ServerEvent[] {
    const received = this.#halfEnd + text;
    this.#halfEnd = received.endsWith('\r') ? '\r' : '';
    const lines = received.slice(0, received.length - this.#halfEnd.length).split(LINE_END);
    // A long line comes in many reads. Each is looked through once, and they become one text when the line has ended.
    lines[0] = this.#rest + lines[0]!;
    this.#rest = lines.pop()!;
    this.#checkLength();
    return lines.flatMap((line) => this.#take(line));
  }

  #checkLength(): void {
    if (this.#rest.length + this.plain.length <= MAX_EVENT && this.#data.length <= 1_000) return;
    throw new ModelStreamError('The model server sent an endless event.', { retryable: false });
  }

  #take(line: string): ServerEvent[] {
    const [, field, value] = /^(data|event|id|retry): ?([^]*)$/.exec(line) ?? [];
    if (field !== undefined) {
      this.#streams = true;
      this.plain = '';
    }
    // Gateways wrap lines of theirs once more, also comments.
    const data = value?.replace(/^(data: ?)+/, '');
    if (field === 'data') this.#data.push(data!.startsWith(':') ? '' : data!);
    else if (field === 'event') this.#name = value!;
    else if (line !== '' && !line.startsWith(':') && !this.#streams) this.plain += `${line}\n`;
    if (line !== '') return [];
    const event = { name: this.#name, data: this.#data.splice(0).join('\n') };
    this.#name = '';
    return event.data.trim() === '' ? [] : [event];
  }
}

function parseEvents(events: ServerEvent[], options: ReadOptions): Received {
  const chunks: Chunk[] = [];
  for (const event of events) {
    if (event.data.trim() === '[DONE]') return { chunks, done: true };
    const chunk = parseEvent(event, options);
    if (chunk !== undefined) chunks.push(chunk);
  }
  return { chunks, done: false };
}

function parseEvent({ name, data }: ServerEvent, options: ReadOptions): Chunk | undefined {
  const value = jsonOr(data, undefined);
  if (value === undefined || name === 'error' || isErrorBody(value)) {
    if (options.finished()) return undefined;
    if (value === undefined && name !== 'error') {
      throw new ModelStreamError('The model server sent something that is not JSON.', {
        retryable: true,
      });
    }
    throw new ModelServerError({ ...options.source, status: undefined, body: value ?? data });
  }
  return value as Chunk;
}

/** A completion has a `message` where a chunk has a `delta`. */
function parseCompletion(text: string, { source }: ReadOptions): Chunk {
  const value = jsonOr(text, undefined);
  if (value === undefined) {
    throw new ModelStreamError(
      'The model server answered with something other than a completion.',
      {
        retryable: true,
      },
    );
  }
  if (isErrorBody(value)) throw new ModelServerError({ ...source, status: undefined, body: value });
  return value as Chunk;
}
