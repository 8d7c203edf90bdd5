/** sandboxd's end of a tunnel: carries the bytes of one kernel between its channel and a worker's connection. */
import type { Duplex } from 'node:stream';
import type { LaunchedKernel } from '../sandbox/backend.ts';
import type { Channel, ChannelEnd } from '../sandbox/kernel/channel.ts';
import type { MemoryWatch } from '../sandbox/kernel/memory-watch.ts';
import { watchMemory } from '../sandbox/kernel/memory-watch.ts';
import type { Timing } from '../sandbox/remote/connection.ts';
import { Connection } from '../sandbox/remote/connection.ts';
import type { Packet, PacketKind } from '../sandbox/remote/packets.ts';
import { INPUT_WINDOW_BYTES, ProtocolError } from '../sandbox/remote/packets.ts';

const REPORT_MS = 200;

export class TunnelledKernel {
  /** Resolves when every process has ended. */
  readonly ended: Promise<void>;
  readonly #channel: Channel;
  readonly #connection: Connection;
  readonly #memory: MemoryWatch;
  readonly #report: NodeJS.Timeout;
  readonly #closed = Promise.withResolvers<void>();
  #reason: { text: string; lost: boolean } | undefined;
  #pausedAt: number | undefined;
  /** Bytes of input that the kernel has not taken yet. */
  #waiting = 0;
  #reported = 0;

  constructor({ channel, limits }: LaunchedKernel, stream: Duplex, timing: Timing | undefined) {
    this.#channel = channel;
    this.ended = this.#closed.promise;
    this.#connection = new Connection(stream, (packet) => this.#receive(packet), timing);
    this.#memory = watchMemory(channel, limits.memoryBytes, (text) =>
      this.#stop({ text, lost: false }),
    );
    this.#memory.busy(true);
    this.#report = setInterval(() => this.#reportUse(), REPORT_MS).unref();
    channel.listen({
      output: (chunk) => this.#send('output', chunk),
      frames: (chunk) => this.#send('frames', chunk),
      closed: (end) => this.#onClosed(end),
    });
    void this.#connection.closed.then(() => this.end('The worker is gone.'));
  }

  /** Milliseconds since the worker paused it; 0 while it works. */
  get idleMs(): number {
    return this.#pausedAt === undefined ? 0 : performance.now() - this.#pausedAt;
  }

  /** Ends every process; the worker learns the reason. */
  end(text: string): void {
    this.#stop({ text, lost: true });
  }

  #receive({ kind, body }: Packet): void {
    // The ids of processes that have ended may belong to others.
    if (this.#reason !== undefined) return;
    switch (kind) {
      case 'ping':
        return;
      case 'input':
        return this.#write(body);
      case 'readOutput':
        return this.#channel.readOutput(true);
      case 'ignoreOutput':
        return this.#channel.readOutput(false);
      case 'pause':
        return this.#pause();
      case 'resume':
        return this.#resume();
      case 'kill':
        return this.end('The worker ended it.');
      default:
        throw new ProtocolError(`'${kind}' from a worker`);
    }
  }

  #write(body: Buffer): void {
    this.#waiting += body.length;
    if (this.#waiting > INPUT_WINDOW_BYTES) throw new ProtocolError('more input than the window');
    void this.#channel.write(body).then(() => {
      this.#waiting -= body.length;
      const taken = Buffer.alloc(4);
      taken.writeUInt32BE(body.length);
      this.#connection.send('taken', taken);
    });
  }

  #pause(): void {
    this.#pausedAt = performance.now();
    this.#memory.busy(false);
    this.#channel.pause();
  }

  #resume(): void {
    this.#pausedAt = undefined;
    this.#memory.busy(true);
    this.#channel.resume();
  }

  /** Reads no more of the kernel than the worker takes. */
  #send(kind: PacketKind, chunk: Buffer): void {
    this.#connection.send(kind, chunk);
    if (!this.#connection.congested) return;
    this.#channel.hold(true);
    void this.#connection.drained().then(() => this.#channel.hold(false));
  }

  #reportUse(): void {
    if (this.#pausedAt !== undefined) return;
    const seconds = this.#channel.processorSeconds();
    if (seconds === undefined || seconds === this.#reported) return;
    this.#reported = seconds;
    const used = Buffer.alloc(8);
    used.writeDoubleBE(seconds);
    this.#connection.send('used', used);
  }

  #stop(reason: { text: string; lost: boolean }): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#channel.end();
  }

  #onClosed({ reason, launcherLog, lost }: ChannelEnd): void {
    this.#reason ??= { text: reason, lost };
    clearInterval(this.#report);
    this.#memory.stop();
    this.#connection.send('launcherLog', Buffer.from(launcherLog));
    this.#connection.send(this.#reason.lost ? 'lost' : 'ended', Buffer.from(this.#reason.text));
    this.#connection.close();
    this.#closed.resolve();
  }
}
