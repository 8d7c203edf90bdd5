/** Keeps one kernel ready, with the large packages imported, for the next interpreter that needs a kernel. */
import type { Kernel, SandboxBackend } from '../backend.ts';
import type { Shares } from './shares.ts';

/** The packages that take longest to import. */
const MODULES = ['numpy', 'pandas', 'matplotlib.pyplot'];

export class WarmKernel {
  readonly #backend: SandboxBackend;
  readonly #permits: Shares;
  #cancel = new AbortController();
  #starting: Promise<void> | undefined;
  #kernel: Kernel | undefined;

  constructor(backend: SandboxBackend, permits: Shares) {
    this.#backend = backend;
    this.#permits = permits;
  }

  /** The kernel, whose permit goes with it; undefined when none is ready, or the owner has all that it may have. */
  take(owner: string, most?: number): Kernel | undefined {
    const kernel = this.#kernel;
    if (kernel?.alive === false) this.#permits.release();
    else if (kernel === undefined || !this.#permits.adopt(owner, most)) return undefined;
    this.#kernel = undefined;
    return kernel.alive ? kernel : undefined;
  }

  /** Starts a kernel, if there is none and a permit is free. */
  refill(): void {
    if (this.#kernel !== undefined || this.#starting !== undefined) return;
    if (!this.#permits.tryAcquire()) return;
    this.#cancel = new AbortController();
    this.#starting = this.#start(this.#cancel.signal).finally(() => (this.#starting = undefined));
  }

  /** Releases its permit, and says whether it had one. */
  async giveUp(): Promise<boolean> {
    this.#cancel.abort();
    const starting = this.#starting;
    await starting;
    const kernel = this.#kernel;
    this.#kernel = undefined;
    await kernel?.kill('The warm kernel makes room.');
    if (kernel !== undefined) this.#permits.release();
    return kernel !== undefined || starting !== undefined;
  }

  async #start(signal: AbortSignal): Promise<void> {
    let kernel: Kernel | undefined;
    try {
      kernel = await this.#backend.start(signal);
      const onAbort = () => void kernel?.kill('The warm kernel is not needed.');
      signal.addEventListener('abort', onAbort, { once: true });
      await kernel.warm(MODULES);
      signal.removeEventListener('abort', onAbort);
      signal.throwIfAborted();
      this.#kernel = kernel;
    } catch {
      // The next interpreter that needs a kernel learns why none starts.
      await kernel?.kill('The warm kernel is not needed.');
      this.#permits.release();
    }
  }
}
