/** A connection that carries packets, and ends when the other side falls silent. */
import type { Duplex } from 'node:stream';
import type { Packet, PacketKind } from './packets.ts';
import { encodePackets, packetDecoder } from './packets.ts';

/** Of both sides. Three pings fit into the longest silence. */
export type Timing = { pingMs: number; silenceMs: number };

export const TIMING: Timing = { pingMs: 5_000, silenceMs: 20_000 };

/** Reached only when the other side sends without reading. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
const FAREWELL_MS = 1_000;
const NOTHING = new Uint8Array();

export class Connection {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #onPacket: (packet: Packet) => void;
  readonly #decode = packetDecoder();
  readonly #ping: NodeJS.Timeout;
  readonly #silence: NodeJS.Timeout;
  #problem: string | undefined;

  /** An error that `onPacket` throws ends the connection. */
  constructor(stream: Duplex, onPacket: (packet: Packet) => void, timing = TIMING) {
    this.#stream = stream;
    this.#onPacket = onPacket;
    this.#ping = setInterval(() => this.send('ping'), timing.pingMs).unref();
    this.#silence = setTimeout(() => this.fail('nothing was heard'), timing.silenceMs).unref();
    this.closed = stream.closed
      ? Promise.resolve()
      : new Promise((resolve) => stream.once('close', resolve));
    void this.closed.then(() => {
      clearInterval(this.#ping);
      clearTimeout(this.#silence);
    });
    stream.on('error', (error) => (this.#problem ??= error.message)); // 'close' follows
    stream.on('end', () => stream.end());
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
  }

  /** Why the connection ended, if that is known. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Sends nothing when the connection has ended. */
  send(kind: PacketKind, body: Uint8Array = NOTHING): void {
    if (!this.#stream.writable) return;
    this.#stream.cork();
    for (const part of encodePackets(kind, body)) this.#stream.write(part);
    this.#stream.uncork();
    if (this.#stream.writableLength > MAX_UNSENT_BYTES) this.fail('it sends without reading');
  }

  /** More is sent than the other side has read so far. */
  get congested(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Resolves when the connection is not congested any more, or has ended. */
  async drained(): Promise<void> {
    if (!this.congested) return;
    await Promise.race([
      new Promise((resolve) => this.#stream.once('drain', resolve)),
      this.closed,
    ]);
  }

  /** While true, nothing is read. */
  hold(on: boolean): void {
    if (on) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Ends once the other side has read what was sent. */
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
      for (const packet of this.#decode(chunk)) {
        if (!this.#stream.destroyed) this.#onPacket(packet);
      }
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }
}
