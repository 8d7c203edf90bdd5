/** One connection: carries out the calls of a worker on its kernel, one at a time. */
import type { Kernel } from '../sandbox/backend.ts';
import { IncomingBody, collect, Credit, sendChunks } from '../sandbox/remote/bodies.ts';
import type { Channel } from '../sandbox/remote/channel.ts';
import type { Call, Frame } from '../sandbox/remote/frames.ts';
import { ProtocolError } from '../sandbox/remote/frames.ts';
import {
  encodeFiles,
  encodeNames,
  encodeOutcome,
  encodeSnapshot,
} from '../sandbox/remote/values.ts';

const MEGABYTE = 1024 * 1024;
/** What one call may bring; a file is streamed and has the kernel's own limit. */
const MAX_CODE_BYTES = 8 * MEGABYTE;
const MAX_SNAPSHOT_BYTES = 256 * MEGABYTE;
const ANSWER_GRACE_MS = 1_000;

type Answer = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
type Exchange = {
  readonly id: number;
  readonly body: IncomingBody;
  readonly credit: Credit;
  answered: boolean;
};

export class KernelService {
  readonly #kernel: Kernel;
  readonly #channel: Channel;
  #exchange: Exchange | undefined;
  #lastUsed = performance.now();

  /** `open` makes the channel, given the function that takes its frames. */
  constructor(kernel: Kernel, open: (onFrame: (frame: Frame) => void) => Channel) {
    this.#kernel = kernel;
    this.#channel = open((frame) => this.#onFrame(frame));
    void this.#channel.closed.then(() => this.#onClosed());
  }

  /** Resolves when the worker is gone. The kernel may take a moment longer. */
  get closed(): Promise<void> {
    return this.#channel.closed;
  }

  /** No call is under way. */
  get idle(): boolean {
    return this.#exchange === undefined;
  }

  /** Milliseconds without a call; 0 during one. */
  get idleMs(): number {
    return this.idle ? performance.now() - this.#lastUsed : 0;
  }

  /** Ends the connection of a kernel that has died between two calls: the worker then knows. */
  check(): void {
    if (this.#exchange === undefined && !this.#kernel.alive) this.#channel.close();
  }

  /** Ends the kernel; a call under way still gets its answer, when the worker takes it. */
  async end(reason: string): Promise<void> {
    await this.#kernel.kill(reason);
    if (this.#exchange === undefined) this.#channel.close();
    const late = setTimeout(() => this.#channel.close(), ANSWER_GRACE_MS);
    await this.#channel.closed;
    clearTimeout(late);
  }

  #onFrame({ header, body }: Frame): void {
    if (header.t === 'ping') return;
    if (header.t === 'kill') return void this.end(header.reason);
    if (header.t === 'call') return this.#onCall(header.id, header.call);
    const exchange = this.#exchange;
    // What crossed the end of its call on the way.
    if (!('id' in header) || exchange?.id !== header.id) return;
    if (header.t === 'chunk') exchange.body.push(body);
    else if (header.t === 'end') {
      exchange.body.end(header.complete ? undefined : incomplete());
      this.#settle(exchange);
    } else if (header.t === 'more') exchange.credit.more();
    else if (header.t === 'stop') exchange.credit.stop();
    else throw new ProtocolError(`'${header.t}' from a worker`);
  }

  #onCall(id: number, call: Call): void {
    if (this.#exchange !== undefined) throw new ProtocolError('a call during another');
    const body = new IncomingBody(() => this.#channel.send({ t: 'more', id }));
    const exchange = { id, body, credit: new Credit(), answered: false };
    this.#exchange = exchange;
    void this.#serve(exchange, call);
  }

  async #serve(exchange: Exchange, call: Call): Promise<void> {
    const { id, body, credit } = exchange;
    try {
      const answer = await carryOut(this.#kernel, call, body);
      await sendChunks(answer, credit, (chunk) => this.#channel.send({ t: 'chunk', id }, chunk));
      this.#channel.send({ t: 'reply', id, alive: this.#kernel.alive });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      this.#channel.send({ t: 'fault', id, alive: this.#kernel.alive, name, message });
    }
    exchange.answered = true;
    void body.discard();
    this.#settle(exchange);
  }

  /** The worker ends its request's body once it has the answer. Not later than that end: the next call may follow on its heels. */
  #settle({ answered, body }: Exchange): void {
    if (!answered || !body.ended) return;
    this.#exchange = undefined;
    this.#lastUsed = performance.now();
    this.check();
  }

  #onClosed(): void {
    this.#exchange?.credit.stop();
    this.#exchange?.body.end(incomplete());
    void this.#kernel.kill('The worker is gone.');
  }
}

async function carryOut(kernel: Kernel, call: Call, body: IncomingBody): Promise<Answer> {
  switch (call.method) {
    case 'run': {
      const code = await collect(body, MAX_CODE_BYTES);
      return encodeOutcome(await kernel.run(code.toString('utf8')));
    }
    case 'putFile':
      await kernel.putFile(call.paths, body, call.bytes);
      return encodeNames([]);
    case 'listFiles':
      return encodeFiles(await kernel.listFiles());
    case 'readFile':
      return kernel.readFile(call.path, call.maxBytes);
    case 'snapshot':
      return encodeSnapshot(await kernel.snapshot(Math.min(call.maxBytes, MAX_SNAPSHOT_BYTES)));
    case 'restore': {
      const { failed } = await kernel.restore(await collect(body, MAX_SNAPSHOT_BYTES));
      return encodeNames(failed);
    }
    case 'warm':
      await kernel.warm(call.modules);
      return encodeNames([]);
  }
}

function incomplete(): Error {
  return new Error('The worker did not send the whole of it.');
}
