/** Limits how many kernels this process runs. Each lives as long as its worker's connection. */
import type { Duplex } from 'node:stream';
import type { LaunchedKernel, Limits, SandboxBackend } from '../sandbox/backend.ts';
import { LIMITS_HEADER, UPGRADE_PROTOCOL } from '../sandbox/remote/client.ts';
import type { Timing } from '../sandbox/remote/connection.ts';
import { Shares } from '../sandbox/pool/shares.ts';
import { TunnelledKernel } from './tunnelled-kernel.ts';

export type KernelsOptions = {
  maxKernels: number;
  timing?: Timing;
  /** A kernel that has been idle for this long may make room for another. Its worker has stored what the last cell did. */
  evictAfterMs?: number;
  log?: (message: string, fields?: Record<string, unknown>) => void;
};

/** All kernels are taken, and none was given back for a while. */
export class FullError extends Error {
  override name = 'FullError';
}

const TICK_MS = 500;
const WAIT_FOR_ROOM_MS = 10_000;
/** Between two steps of saving an interpreter its worker stores files: a kernel that waits a little is not idle. */
const EVICT_AFTER_MS = 10_000;
const DRAIN_IDLE_MS = 1_000;
const STOPPED = 'The sandbox was stopped.';
export class Kernels {
  readonly #options: KernelsOptions;
  readonly #permits: Shares;
  /** With their owners. */
  readonly #kernels = new Map<TunnelledKernel, string>();
  readonly #tick: NodeJS.Timeout;
  #taken = 0;
  #waiting = 0;
  #draining = false;

  constructor(options: KernelsOptions) {
    this.#options = options;
    this.#permits = new Shares({
      places: options.maxKernels + 1,
      most: options.maxKernels,
      makeRoom: (own) => this.#makeRoom(own),
    });
    this.#tick = setInterval(() => this.#onTick(), TICK_MS).unref();
  }

  get counts(): { live: number; waiting: number; max: number } {
    return { live: this.#taken, waiting: this.#waiting, max: this.#options.maxKernels };
  }

  /** Gives `socket` a kernel of `open`, which counts as its owner's. Throws FullError, KernelStartError, and an Error when the worker left meanwhile. */
  async serve(socket: Duplex, owner: string, open: () => Promise<SandboxBackend>): Promise<void> {
    const worker = watch(socket);
    await this.#take(owner, worker.signal);
    const launched = await this.#launch(owner, open, worker.signal);
    worker.end();
    if (worker.signal.aborted) socket.destroy();
    else socket.write(upgraded(launched.limits));
    const kernel = new TunnelledKernel(launched, socket, this.#options.timing);
    if (worker.signal.aborted || this.#draining) kernel.end(STOPPED);
    this.#kernels.set(kernel, owner);
    void kernel.ended.then(() => {
      this.#kernels.delete(kernel);
      this.#give(owner);
    });
    this.#options.log?.('A kernel started', { kernels: this.#taken });
  }

  /** Lets cells finish for `graceMs`, then ends the kernels that are left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const late = setTimeout(() => this.#endIdle(0), graceMs);
    this.#endIdle(DRAIN_IDLE_MS);
    while (this.#kernels.size > 0) {
      await Promise.race([...this.#kernels.keys()].map(({ ended }) => ended));
    }
    clearTimeout(late);
    clearInterval(this.#tick);
  }

  async #take(owner: string, worker: AbortSignal): Promise<void> {
    const patience = AbortSignal.timeout(WAIT_FOR_ROOM_MS);
    this.#waiting += 1;
    try {
      await this.#permits.acquire(owner, AbortSignal.any([worker, patience]));
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

  async #launch(
    owner: string,
    open: () => Promise<SandboxBackend>,
    worker: AbortSignal,
  ): Promise<LaunchedKernel> {
    try {
      const backend = await open();
      return await backend.launch(worker);
    } catch (error) {
      this.#give(owner);
      throw error;
    }
  }

  #give(owner: string): void {
    this.#taken -= 1;
    this.#permits.release(owner);
  }

  /** Ends the kernel that has been idle for longest, of `own` or of the owner who has the most, as a worker does with its own. */
  async #makeRoom(own: string | undefined): Promise<boolean> {
    const { evictAfterMs = EVICT_AFTER_MS } = this.#options;
    const [idlest] = [...this.#kernels]
      .filter(
        ([{ idleMs }, owner]) => idleMs > 0 && idleMs >= evictAfterMs && owner === (own ?? owner),
      )
      .toSorted(
        ([a, ofA], [b, ofB]) =>
          this.#permits.held(ofB) - this.#permits.held(ofA) || b.idleMs - a.idleMs,
      );
    if (idlest === undefined) return false;
    idlest[0].end('The session made room for another one.');
    await idlest[0].ended;
    return true;
  }

  #onTick(): void {
    if (this.#draining) this.#endIdle(DRAIN_IDLE_MS);
    else this.#permits.retry();
  }

  #endIdle(ms: number): void {
    for (const kernel of this.#kernels.keys()) if (kernel.idleMs >= ms) kernel.end(STOPPED);
  }
}

function upgraded(limits: Limits): string {
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${UPGRADE_PROTOCOL}`,
    `${LIMITS_HEADER}: ${JSON.stringify(limits)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n`;
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
