/**
 * Bodies of calls and replies, with a window: a sender has so many chunks under way and waits for the receiver to
 * consume one before it sends another. The connection itself is always read, so a kill, a ping or its end is seen at
 * once, whatever waits.
 */
import { CHUNK_BYTES, ProtocolError, WINDOW_CHUNKS } from './frames.ts';

/** What arrives. Iterate it once, or discard it. */
export class IncomingBody implements AsyncIterable<Buffer> {
  readonly #onConsumed: () => void;
  readonly #chunks: Buffer[] = [];
  /** Chunks that the sender may still send. */
  #window = WINDOW_CHUNKS;
  #changed = Promise.withResolvers<void>();
  #ended = false;
  #error: Error | undefined;
  #discarding = false;

  /** `onConsumed` is called for every chunk taken, so that the sender may send another. */
  constructor(onConsumed: () => void) {
    this.#onConsumed = onConsumed;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Chunks wait for the iterator. */
  get waiting(): boolean {
    return this.#chunks.length > 0;
  }

  /** Throws ProtocolError for a chunk that the sender had no right to send. */
  push(chunk: Buffer): void {
    if (this.#ended) throw new ProtocolError('a chunk after the end');
    if (this.#window === 0) throw new ProtocolError('more chunks than were asked for');
    this.#window -= 1;
    if (this.#discarding) return;
    this.#chunks.push(chunk);
    this.#change();
  }

  /** No more will come; with an error, iterating throws it after the chunks that came before. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#change();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#window += 1;
        this.#onConsumed();
        yield chunk;
      } else if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return;
      } else await this.#changed.promise;
    }
  }

  /** Drops what came and what comes. Resolves when the sender has ended. */
  async discard(): Promise<void> {
    this.#discarding = true;
    this.#chunks.length = 0;
    while (!this.#ended) await this.#changed.promise;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** What the receiver still takes. */
export class Credit {
  #chunks = WINDOW_CHUNKS;
  #stopped = false;
  #changed = Promise.withResolvers<void>();

  /** The receiver consumed one. */
  more(): void {
    this.#chunks = Math.min(WINDOW_CHUNKS, this.#chunks + 1);
    this.#change();
  }

  /** The receiver wants no more, or is gone. */
  stop(): void {
    this.#stopped = true;
    this.#change();
  }

  /** Resolves when one chunk may be sent: false when none may any more. */
  async take(): Promise<boolean> {
    while (this.#chunks === 0 && !this.#stopped) await this.#changed.promise;
    this.#chunks -= 1;
    return !this.#stopped;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Sends `source` in chunks as far as the receiver takes them. Returns false when it stopped; throws what `source` throws. */
export async function sendChunks(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  credit: Credit,
  send: (chunk: Uint8Array) => void,
): Promise<boolean> {
  for await (const piece of source) {
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
      if (!(await credit.take())) return false;
      send(piece.subarray(at, at + CHUNK_BYTES));
    }
  }
  return true;
}

/** The whole of a body. Throws ProtocolError when it is longer than `maxBytes`. */
export async function collect(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw new ProtocolError(`a body of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
