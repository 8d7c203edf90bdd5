/** A connection that carries frames: it notices when the other side falls silent, and never buffers without bound. */
import type { Duplex } from 'node:stream';
import type { Frame, Header } from './frames.ts';
import { encodeFrame, frameDecoder } from './frames.ts';

/** Of both sides: often enough that a silence of three pings is an answer. */
export type Timing = { pingMs: number; silenceMs: number };

export const TIMING: Timing = { pingMs: 5_000, silenceMs: 20_000 };

/** Chunks are limited by the window; this much is reached only by a side that asks and does not read. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
const FAREWELL_MS = 1_000;

export class Channel {
  /** Resolves when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #onFrame: (frame: Frame) => void;
  readonly #decode = frameDecoder();
  readonly #ping: NodeJS.Timeout;
  readonly #silence: NodeJS.Timeout;
  #problem: string | undefined;

  /** `head`: bytes that came with the upgrade. What `onFrame` throws ends the connection. */
  constructor(stream: Duplex, head: Buffer, onFrame: (frame: Frame) => void, timing = TIMING) {
    this.#stream = stream;
    this.#onFrame = onFrame;
    this.#ping = setInterval(() => this.send({ t: 'ping' }), timing.pingMs).unref();
    this.#silence = setTimeout(() => this.fail('nothing was heard'), timing.silenceMs).unref();
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        clearInterval(this.#ping);
        clearTimeout(this.#silence);
        resolve();
      });
    });
    stream.on('error', (error) => (this.#problem ??= error.message)); // 'close' follows
    stream.on('end', () => stream.end());
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    if (head.length > 0) stream.unshift(head);
  }

  /** Why the connection ended, as far as it is known. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Nothing is thrown for a connection that is gone: `closed` tells. */
  send(header: Header, body?: Uint8Array): void {
    if (!this.#stream.writable) return;
    this.#stream.cork();
    this.#stream.write(encodeFrame(header, body));
    if (body !== undefined) this.#stream.write(body);
    this.#stream.uncork();
    if (this.#stream.writableLength > MAX_UNSENT_BYTES) this.fail('it asks and does not read');
  }

  /** Lets the other side read what was sent, then ends. */
  close(): void {
    this.#stream.end();
    setTimeout(() => this.#stream.destroy(), FAREWELL_MS).unref();
  }

  /** Ends at once. */
  fail(problem: string): void {
    this.#problem ??= problem;
    this.#stream.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#silence.refresh();
    try {
      for (const frame of this.#decode(chunk)) if (!this.#stream.destroyed) this.#onFrame(frame);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }
}
