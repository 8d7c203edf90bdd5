/**
 * Shares places out between owners. The next place goes to the owner who has the fewest. No owner has more than `most`; with one
 * place beyond that, an owner without a place finds one beside an owner who has all it can have.
 */
export type SharesOptions = {
  places: number;
  /** Places that one owner may have. */
  most: number;
  /** With `own`, tries to free a place of this owner; else any. Says whether it freed one. */
  makeRoom?: (own: string | undefined) => Promise<boolean>;
};

type Waiter = { owner: string; most: number };

export class Shares {
  readonly #options: SharesOptions;
  readonly #held = new Map<string, number>();
  /** In order of arrival. */
  readonly #waiting: Waiter[] = [];
  #free: number;
  #changed = Promise.withResolvers<void>();

  constructor(options: SharesOptions) {
    this.#options = options;
    this.#free = options.places;
  }

  /** Resolves with a place; `most` may lower the owner's. Throws the signal's reason when it aborts first. */
  async acquire(owner: string, signal: AbortSignal, most = this.#options.most): Promise<void> {
    const waiter = { owner, most: Math.min(most, this.#options.most) };
    this.#waiting.push(waiter);
    try {
      while (this.#next() !== waiter) {
        signal.throwIfAborted();
        // Read before asking: what changes while room is made must not be missed.
        const changed = this.#changed.promise;
        const own = this.#free > 0 || !this.#mayTake(waiter) ? owner : undefined;
        if ((await this.#options.makeRoom?.(own)) !== true) await unlessAborted(changed, signal);
      }
      this.#take(owner);
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
      this.retry();
    }
  }

  /** Does the work in a place. Throws the signal's reason, and what `work` throws. */
  async hold<T>(owner: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.acquire(owner, signal);
    return work().finally(() => this.release(owner));
  }

  /** Takes a place for no owner in particular, unless owners need those that are left. */
  tryAcquire(): boolean {
    if (this.#waiting.length > 0 || this.#free <= this.#options.places - this.#options.most) {
      return false;
    }
    this.#take('');
    return true;
  }

  /** Gives a place that `tryAcquire` took to an owner, if it may have one more. */
  adopt(owner: string, most = this.#options.most): boolean {
    if (!this.#mayTake({ owner, most: Math.min(most, this.#options.most) })) return false;
    this.release();
    this.#take(owner);
    return true;
  }

  release(owner = ''): void {
    this.#free += 1;
    this.#held.set(owner, this.held(owner) - 1);
    if (this.held(owner) === 0) this.#held.delete(owner);
    this.retry();
  }

  /** Lets every waiter ask for room again. */
  retry(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  held(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }

  #take(owner: string): void {
    this.#free -= 1;
    this.#held.set(owner, this.held(owner) + 1);
  }

  #mayTake({ owner, most }: Waiter): boolean {
    return this.held(owner) < most;
  }

  /** The waiter that takes the next place, if there is one for it. */
  #next(): Waiter | undefined {
    if (this.#free === 0) return undefined;
    // Sorting keeps the order of arrival among equals.
    return this.#waiting
      .filter((waiter) => this.#mayTake(waiter))
      .toSorted((a, b) => this.held(a.owner) - this.held(b.owner))[0];
  }
}

/** Awaits `promise`, but throws the signal's reason as soon as it aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
