/**
 * A kernel in sandboxd, seen through its connection: each method is one call, and they take turns. When the connection
 * ends, the kernel has ended.
 */
import type { CellOutcome, CellStatus, FileEntry, Kernel, Limits, Snapshot } from '../backend.ts';
import { KernelError, KernelLostError, KernelTimeoutError } from '../backend.ts';
import { PATIENCE } from '../kernel/kernel.ts';
import { collect, Credit, IncomingBody, sendChunks } from './bodies.ts';
import type { Channel } from './channel.ts';
import type { Call, Frame, Header } from './frames.ts';
import { ProtocolError } from './frames.ts';
import { decodeFiles, decodeNames, decodeOutcome, decodeSnapshot } from './values.ts';

const MEGABYTE = 1024 * 1024;
/** sandboxd has this much longer than it has promised before it is given up. */
const PATIENCE_SECONDS = 15;
/** On a busy computer a step may take this many times as long as one that gets no processor time. */
const BUSY = 4;
/** A kill that was not carried out by then is done by cutting the connection, at which sandboxd kills too. */
const KILL_GRACE_MS = 500;
const MAX_LIST_BYTES = 16 * MEGABYTE;
const MAX_NAMES_BYTES = MEGABYTE;
// Of one character in JSON: \u0000.
const JSON_BYTES = 6;

type Source = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** One call under way. */
type Exchange = {
  readonly id: number;
  readonly reply: IncomingBody;
  readonly credit: Credit;
  /** Resolves, never rejects, when the request's body has been sent or is no longer wanted. */
  readonly sent: Promise<void>;
  /** Why the request's body could not be read. */
  sourceError?: { cause: unknown };
  readonly watchdog: NodeJS.Timeout;
};

export class RemoteKernel implements Kernel {
  readonly #channel: Channel;
  readonly #limits: Limits;
  #calls = 0;
  #exchange: Exchange | undefined;
  /** Resolves when the calls so far have ended. */
  #turn: Promise<void> = Promise.resolve();
  #end: KernelError | undefined;

  /** `open` makes the channel, given the function that takes its frames. */
  constructor(open: (onFrame: (frame: Frame) => void) => Channel, limits: Limits) {
    this.#limits = limits;
    this.#channel = open((frame) => this.#onFrame(frame));
    void this.#channel.closed.then(() => this.#onClosed());
  }

  get alive(): boolean {
    return this.#end === undefined;
  }

  async run(code: string): Promise<CellOutcome> {
    try {
      const { cellHardSeconds, maxLogBytes, maxImages, imageBytes } = this.#limits;
      const max = JSON_BYTES * maxLogBytes + maxImages * imageBytes + MEGABYTE;
      const body = [Buffer.from(code)];
      return await this.#call({ method: 'run' }, body, cellHardSeconds, (reply) =>
        decode(reply, max, (told) => decodeOutcome(told, this.#limits)),
      );
    } catch (error) {
      return endedWith('died', (this.#end ?? (error as Error)).message);
    }
  }

  async putFile(
    paths: readonly string[],
    data: AsyncIterable<Uint8Array>,
    bytes: number,
  ): Promise<void> {
    await this.#ask({ method: 'putFile', paths, bytes }, data, MAX_NAMES_BYTES, decodeNames);
  }

  async listFiles(): Promise<FileEntry[]> {
    return this.#ask({ method: 'listFiles' }, [], MAX_LIST_BYTES, decodeFiles);
  }

  async *readFile(path: string, maxBytes: number): AsyncGenerator<Buffer, void> {
    const done = await this.#takeTurn();
    try {
      const exchange = this.#begin({ method: 'readFile', path, maxBytes }, [], 0);
      try {
        let length = 0;
        for await (const chunk of exchange.reply) {
          length += chunk.length;
          if (length > maxBytes) throw new ProtocolError(`a file of more than ${maxBytes} bytes`);
          yield chunk;
        }
      } catch (error) {
        throw this.#explain(error);
      } finally {
        await this.#finish(exchange);
      }
    } finally {
      done();
    }
  }

  async snapshot(maxBytes: number): Promise<Snapshot> {
    const max = maxBytes + MAX_NAMES_BYTES;
    const snapshot = await this.#ask({ method: 'snapshot', maxBytes }, [], max, decodeSnapshot);
    const { blob } = snapshot;
    if (!Buffer.isBuffer(blob) || blob.length <= max) return snapshot;
    throw this.#explain(new ProtocolError(`a snapshot of more than ${maxBytes} bytes`));
  }

  async restore(blob: Buffer): Promise<{ failed: string[] }> {
    const failed = await this.#ask({ method: 'restore' }, [blob], MAX_NAMES_BYTES, decodeNames);
    return { failed };
  }

  async warm(modules: readonly string[]): Promise<void> {
    await this.#ask({ method: 'warm', modules }, [], MAX_NAMES_BYTES, decodeNames);
  }

  async kill(reason: string): Promise<void> {
    if (this.#end === undefined) {
      this.#end = new KernelError(reason);
      this.#channel.send({ t: 'kill', reason });
    }
    const cut = setTimeout(() => this.#channel.fail(reason), KILL_GRACE_MS);
    await this.#channel.closed;
    clearTimeout(cut);
  }

  async #ask<T>(call: Call, body: Source, maxBytes: number, read: (body: Buffer) => T): Promise<T> {
    const seconds = this.#limits.stateSeconds * PATIENCE * BUSY;
    try {
      return await this.#call(call, body, seconds, (reply) => decode(reply, maxBytes, read));
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async #call<T>(
    call: Call,
    body: Source,
    seconds: number,
    read: (reply: IncomingBody) => Promise<T>,
  ): Promise<T> {
    const done = await this.#takeTurn();
    try {
      const exchange = this.#begin(call, body, seconds);
      try {
        return await read(exchange.reply);
      } catch (error) {
        this.#giveUp(error);
        throw error;
      } finally {
        await this.#finish(exchange);
      }
    } finally {
      done();
    }
  }

  /** Resolves when it is the caller's turn; the function it gives ends the turn. */
  async #takeTurn(): Promise<() => void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return resolve;
  }

  #begin(call: Call, body: Source, seconds: number): Exchange {
    if (this.#end !== undefined) throw this.#end;
    const id = (this.#calls += 1);
    const send = (header: Header, chunk?: Uint8Array) => this.#channel.send(header, chunk);
    const credit = new Credit();
    const reply = new IncomingBody(() => send({ t: 'more', id }));
    send({ t: 'call', id, call });
    const watchdog = setInterval(
      () => this.#onSilence(exchange),
      (seconds + PATIENCE_SECONDS) * 1_000,
    );
    const sent = sendChunks(body, credit, (chunk) => send({ t: 'chunk', id }, chunk)).then(
      (complete) => send({ t: 'end', id, complete }),
      (cause: unknown) => {
        exchange.sourceError = { cause };
        send({ t: 'end', id, complete: false });
      },
    );
    const exchange: Exchange = { id, reply, credit, sent, watchdog };
    this.#exchange = exchange;
    return exchange;
  }

  /** Leaves the connection ready for the next call. Throws what reading the request's body threw. */
  async #finish(exchange: Exchange): Promise<void> {
    if (!exchange.reply.ended) this.#channel.send({ t: 'stop', id: exchange.id });
    await exchange.reply.discard();
    await exchange.sent;
    clearInterval(exchange.watchdog);
    this.#exchange = undefined;
    if (exchange.sourceError !== undefined) throw exchange.sourceError.cause;
  }

  #onFrame({ header, body }: Frame): void {
    if (header.t === 'ping') return;
    const exchange = this.#exchange;
    if (!('id' in header) || exchange === undefined || header.id !== exchange.id) {
      throw new ProtocolError(`'${header.t}' of no call that is under way`);
    }
    exchange.watchdog.refresh();
    if (header.t === 'more') exchange.credit.more();
    else if (header.t === 'chunk') exchange.reply.push(body);
    else if (header.t === 'reply' || header.t === 'fault') this.#onReply(header, exchange);
    else throw new ProtocolError(`'${header.t}' from sandboxd`);
  }

  #onReply(header: Extract<Header, { t: 'reply' | 'fault' }>, exchange: Exchange): void {
    if (!header.alive) this.#end ??= new KernelError('The Python process ended.');
    exchange.credit.stop();
    exchange.reply.end(header.t === 'fault' ? toError(header) : undefined);
  }

  /** Nothing came for as long as the call may take: unless the reader is what is slow, sandboxd is stuck. */
  #onSilence(exchange: Exchange): void {
    if (!exchange.reply.waiting) this.#channel.fail('sandboxd did not answer in time');
  }

  #onClosed(): void {
    const how = this.#channel.problem ?? 'it was closed';
    this.#end ??= new KernelLostError(`The connection to the sandbox was lost (${how}).`);
    this.#exchange?.credit.stop();
    this.#exchange?.reply.end(this.#end);
  }

  /** A side that breaks the protocol cannot be trusted to keep it later. */
  #giveUp(error: unknown): void {
    if (!(error instanceof ProtocolError)) return;
    this.#end ??= new KernelError(`The sandbox answered out of turn (${error.message}).`, {
      cause: error,
    });
    this.#channel.fail(error.message);
  }

  #explain(error: unknown): unknown {
    this.#giveUp(error);
    return error instanceof ProtocolError ? this.#end : error;
  }
}

function toError({ name, message }: { name: string; message: string }): KernelError {
  const Kind = [KernelTimeoutError, KernelLostError].find((kind) => kind.name === name);
  return new (Kind ?? KernelError)(message);
}

async function decode<T>(reply: IncomingBody, max: number, read: (body: Buffer) => T): Promise<T> {
  return read(await collect(reply, max));
}

function endedWith(status: CellStatus, reason: string): CellOutcome {
  return { status, outputs: [{ type: 'logs', logs: reason }] };
}
