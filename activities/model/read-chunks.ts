/**
 * Reads a streamed chat completion: server-sent events in, parsed chunks out, everything of one network read at once.
 * The client's own iterator passes each token through several async generators, which at hundreds of streams is most of
 * a worker's time.
 */
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';

import { ModelStreamError } from '../failures.ts';

/** Longest event, in characters: nothing a model sends comes near. */
const MAX_EVENT = 8 * 1024 * 1024;
const LINE_END = /\r\n|\n|\r/;

/** Ends with the stream or with `[DONE]`. @throws ModelStreamError for what is not a stream of JSON chunks */
export async function* readChunks(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ChatCompletionChunk[]> {
  const decoder = new TextDecoder();
  const events = new EventLines();
  const reader = body.getReader();
  try {
    for (;;) {
      const read = await reader.read().catch(cutOff);
      const text = read.done
        ? `${decoder.decode()}\n\n`
        : decoder.decode(read.value, { stream: true });
      const { chunks, done } = parse(events.push(text));
      if (chunks.length > 0) yield chunks;
      if (done || read.done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function cutOff(cause: unknown): never {
  throw new ModelStreamError('The connection to the model server was lost.', {
    retryable: true,
    cause,
  });
}

/** Collects the data of each event; an event ends with an empty line. */
class EventLines {
  #rest = '';
  #data: string[] = [];

  push(text: string): string[] {
    const received = this.#rest + text;
    // A carriage return at the end may be half of a line end.
    const halfEnd = received.endsWith('\r') ? '\r' : '';
    const lines = received.slice(0, received.length - halfEnd.length).split(LINE_END);
    this.#rest = lines.pop()! + halfEnd;
    if (this.#rest.length > MAX_EVENT || this.#data.length > 1_000) {
      throw new ModelStreamError('The model server sent an endless event.', { retryable: false });
    }
    const events: string[] = [];
    for (const line of lines) {
      if (line.startsWith('data:')) this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && this.#data.length > 0) events.push(this.#data.splice(0).join('\n'));
    }
    return events;
  }
}

function parse(events: string[]): { chunks: ChatCompletionChunk[]; done: boolean } {
  const chunks: ChatCompletionChunk[] = [];
  for (const data of events) {
    if (data === '[DONE]') return { chunks, done: true };
    chunks.push(parseChunk(data));
  }
  return { chunks, done: false };
}

function parseChunk(data: string): ChatCompletionChunk {
  let chunk: (ChatCompletionChunk & { error?: unknown }) | null;
  try {
    chunk = JSON.parse(data) as ChatCompletionChunk | null;
  } catch {
    throw new ModelStreamError('The model server sent something that is not JSON.', {
      retryable: true,
    });
  }
  if (typeof chunk !== 'object' || chunk === null || chunk.error) {
    throw new ModelStreamError('The model server reported an error.', { retryable: true });
  }
  return chunk;
}
