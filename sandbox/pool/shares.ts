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

type Waiter = { owner: string; most: number; number: number; change: PromiseWithResolvers<void> };

export class Shares {
  readonly #options: SharesOptions;
  readonly #held = new Map<string, number>();
  /** Of each owner, in order of arrival. */
  readonly #waiting = new Map<string, Waiter[]>();
  #free: number;
  #arrived = 0;

  constructor(options: SharesOptions) {
    this.#options = options;
    this.#free = options.places;
  }

  /** Resolves with a place; `most` may lower the owner's. Throws the signal's reason when it aborts first. */
  async acquire(owner: string, signal: AbortSignal, most = this.#options.most): Promise<void> {
    const waiter = this.#arrive(owner, Math.min(most, this.#options.most));
    try {
      while (this.#next() !== waiter) {
        signal.throwIfAborted();
        // Before asking: what changes while room is made must not be missed.
        waiter.change = Promise.withResolvers();
        const own = this.#free > 0 || !this.#mayTake(waiter) ? owner : undefined;
        const madeRoom = await this.#options.makeRoom?.(own);
        if (madeRoom !== true) await unlessAborted(waiter.change.promise, signal);
      }
      this.#take(owner);
    } finally {
      this.#leave(waiter);
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
    if (this.#waiting.size > 0 || this.#free <= this.#options.places - this.#options.most) {
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

  /** Lets the first waiter of each owner ask for room again: the others cannot be next. */
  retry(): void {
    for (const [first] of this.#waiting.values()) first?.change.resolve();
  }

  held(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }

  #arrive(owner: string, most: number): Waiter {
    const waiter = { owner, most, number: this.#arrived++, change: Promise.withResolvers<void>() };
    const queue = this.#waiting.get(owner);
    if (queue === undefined) this.#waiting.set(owner, [waiter]);
    else queue.push(waiter);
    return waiter;
  }

  #leave(waiter: Waiter): void {
    const queue = this.#waiting.get(waiter.owner)!;
    queue.splice(queue.indexOf(waiter), 1);
    if (queue.length === 0) this.#waiting.delete(waiter.owner);
  }

  #take(owner: string): void {
    this.#free -= 1;
    this.#held.set(owner, this.held(owner) + 1);
  }

  #mayTake({ owner, most }: Pick<Waiter, 'owner' | 'most'>): boolean {
    return this.held(owner) < most;
  }

  /** The waiter that takes the next place, if there is one for it. */
  #next(): Waiter | undefined {
    if (this.#free === 0) return undefined;
    let next: Waiter | undefined;
    for (const [first] of this.#waiting.values()) {
      if (first === undefined || !this.#mayTake(first)) continue;
      const ahead =
        next && (this.held(first.owner) - this.held(next.owner) || first.number - next.number);
      if (ahead === undefined || ahead < 0) next = first;
    }
    return next;
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
