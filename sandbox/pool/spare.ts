/** One kernel kept ready, with the large packages imported, for the next session that needs one. */
import type { Kernel, SandboxBackend } from '../backend.ts';
import type { Slots } from './slots.ts';

/** What takes longest to import. */
const MODULES = ['numpy', 'pandas', 'matplotlib.pyplot'];

export class Spare {
  readonly #backend: SandboxBackend;
  readonly #slots: Slots;
  #cancel = new AbortController();
  #making: Promise<void> | undefined;
  #kernel: Kernel | undefined;

  constructor(backend: SandboxBackend, slots: Slots) {
    this.#backend = backend;
    this.#slots = slots;
  }

  /** The kernel, whose slot goes with it; undefined when there is none that is ready. */
  take(): Kernel | undefined {
    const kernel = this.#kernel;
    if (kernel === undefined) return undefined;
    this.#kernel = undefined;
    if (kernel.alive) return kernel;
    this.#slots.give();
    return undefined;
  }

  /** Begins to make one, if there is none and a place is free. */
  refill(): void {
    if (this.#kernel !== undefined || this.#making !== undefined || !this.#slots.takeFree()) return;
    this.#cancel = new AbortController();
    this.#making = this.#make(this.#cancel.signal).finally(() => (this.#making = undefined));
  }

  /** Gives its place back, and says whether it had one. */
  async giveUp(): Promise<boolean> {
    this.#cancel.abort();
    const making = this.#making;
    await making;
    const kernel = this.take();
    await kernel?.kill('The spare kernel makes room.');
    if (kernel !== undefined) this.#slots.give();
    return kernel !== undefined || making !== undefined;
  }

  async #make(signal: AbortSignal): Promise<void> {
    let kernel: Kernel | undefined;
    try {
      kernel = await this.#backend.start(signal);
      const onAbort = () => void kernel?.kill('The spare kernel is not needed.');
      signal.addEventListener('abort', onAbort, { once: true });
      await kernel.warm(MODULES);
      signal.removeEventListener('abort', onAbort);
      signal.throwIfAborted();
      this.#kernel = kernel;
    } catch {
      // The next caller that needs a kernel sees why it does not start.
      await kernel?.kill('The spare kernel is not needed.');
      this.#slots.give();
    }
  }
}
