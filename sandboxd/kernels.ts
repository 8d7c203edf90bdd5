/** All kernels of this process: so many and no more, each for as long as its worker's connection lasts. */
import type { Duplex } from 'node:stream';
import type { Kernel, Limits, SandboxBackend } from '../sandbox/backend.ts';
import { Channel, TIMING } from '../sandbox/remote/channel.ts';
import { UPGRADE_PROTOCOL } from '../sandbox/remote/client.ts';
import { Slots } from '../sandbox/pool/slots.ts';
import { KernelService } from './serve-kernel.ts';

export type KernelsOptions = {
  maxKernels: number;
  timing?: typeof TIMING;
  /** A kernel without a call for this long may make room for another. Its worker has stored what the last cell did. */
  evictAfterMs?: number;
  log?: (message: string, fields?: Record<string, unknown>) => void;
};

/** All kernels are taken, and none was given back for a while. */
export class FullError extends Error {
  override name = 'FullError';
}

const TICK_MS = 500;
const WAIT_FOR_ROOM_MS = 10_000;
/** Between two calls of one cell a worker stores files: so long is not idle. */
const EVICT_AFTER_MS = 10_000;
const DRAIN_IDLE_MS = 1_000;
const STOPPED = 'The sandbox was stopped.';
const UPGRADED = [
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  `Upgrade: ${UPGRADE_PROTOCOL}`,
];

type Live = { service: KernelService; released: Promise<void> };

export class Kernels {
  readonly #options: KernelsOptions;
  readonly #slots: Slots;
  readonly #live = new Set<Live>();
  readonly #tick: NodeJS.Timeout;
  #taken = 0;
  #waiting = 0;
  #draining = false;

  constructor(options: KernelsOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxKernels, () => this.#makeRoom());
    this.#tick = setInterval(() => this.#onTick(), TICK_MS).unref();
  }

  get counts(): { live: number; waiting: number; max: number } {
    return { live: this.#taken, waiting: this.#waiting, max: this.#options.maxKernels };
  }

  /** Gives `socket` a kernel of `open`. Throws FullError, KernelStartError, and an Error when the worker left meanwhile. */
  async serve(
    socket: Duplex,
    open: (limits: Limits) => Promise<SandboxBackend>,
    limits: Limits,
  ): Promise<void> {
    const worker = watch(socket);
    await this.#take(worker.signal);
    const kernel = await this.#start(() => open(limits), worker.signal);
    worker.end();
    if (worker.signal.aborted) {
      // It left in the moment between.
      socket.destroy();
      return this.#release(kernel);
    }
    socket.write(`${UPGRADED.join('\r\n')}\r\n\r\n`);
    const service = new KernelService(
      kernel,
      (onFrame) => new Channel(socket, Buffer.alloc(0), onFrame, this.#options.timing ?? TIMING),
    );
    const released = service.closed.then(() => this.#release(kernel));
    const live = { service, released: released.finally(() => this.#live.delete(live)) };
    this.#live.add(live);
    this.#options.log?.('A kernel started', { kernels: this.#taken });
  }

  /** Lets calls under way finish for `graceMs`, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const late = setTimeout(() => this.#endIdle(0, true), graceMs);
    this.#endIdle(DRAIN_IDLE_MS);
    while (this.#live.size > 0) await Promise.race([...this.#live].map(({ released }) => released));
    clearTimeout(late);
    clearInterval(this.#tick);
  }

  async #take(worker: AbortSignal): Promise<void> {
    const patience = AbortSignal.timeout(WAIT_FOR_ROOM_MS);
    this.#waiting += 1;
    try {
      await this.#slots.take(AbortSignal.any([worker, patience]));
      this.#taken += 1;
    } catch (error) {
      if (worker.aborted || !patience.aborted) throw error;
      const all = `All ${this.#options.maxKernels} Python sessions of sandboxd are busy.`;
      throw new FullError(
        `${all} Try again later, or give it more memory and SANDBOX_MAX_KERNELS.`,
      );
    } finally {
      this.#waiting -= 1;
    }
  }

  async #start(open: () => Promise<SandboxBackend>, worker: AbortSignal): Promise<Kernel> {
    try {
      const backend = await open();
      return await backend.start(worker);
    } catch (error) {
      this.#give();
      throw error;
    }
  }

  async #release(kernel: Kernel): Promise<void> {
    await kernel.kill('The worker is gone.');
    this.#give();
  }

  #give(): void {
    this.#taken -= 1;
    this.#slots.give();
  }

  /** Ends the kernel that has been without a call for longest, as the worker's own sessions would. */
  async #makeRoom(): Promise<boolean> {
    const [idle] = [...this.#live].toSorted((a, b) => b.service.idleMs - a.service.idleMs);
    const needed = this.#options.evictAfterMs ?? EVICT_AFTER_MS;
    if (idle?.service.idle !== true || idle.service.idleMs < needed) return false;
    await idle.service.end('The session made room for another one.');
    await idle.released;
    return true;
  }

  #onTick(): void {
    for (const { service } of this.#live) service.check();
    if (this.#draining) this.#endIdle(DRAIN_IDLE_MS);
    else this.#slots.retry();
  }

  #endIdle(ms: number, busyToo = false): void {
    for (const { service } of this.#live) {
      if (busyToo || (service.idle && service.idleMs >= ms)) void service.end(STOPPED);
    }
  }
}

/** Aborts when the worker goes away, or speaks before its turn. A read on the connection notices it. */
function watch(socket: Duplex): { signal: AbortSignal; end: () => void } {
  const gone = new AbortController();
  const onGone = () => gone.abort(new Error('The worker is gone.'));
  const events = ['data', 'end', 'close'] as const;
  for (const event of events) socket.on(event, onGone);
  return {
    signal: gone.signal,
    end: () => {
      for (const event of events) socket.off(event, onGone);
    },
  };
}
