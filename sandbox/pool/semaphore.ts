/** A counting semaphore that tries to make room before it waits. */
export class Semaphore {
  readonly #makeRoom: () => Promise<boolean>;
  #free: number;
  #changed = Promise.withResolvers<void>();

  /** `makeRoom` tries to have one permit released, and says whether it did. */
  constructor(permits: number, makeRoom: () => Promise<boolean>) {
    this.#free = permits;
    this.#makeRoom = makeRoom;
  }

  /** Resolves with a permit. Throws the signal's reason when it aborts first. */
  async acquire(signal: AbortSignal): Promise<void> {
    while (this.#free === 0) {
      signal.throwIfAborted();
      // Read before asking: what changes while room is made must not be missed.
      const changed = this.#changed.promise;
      if (!(await this.#makeRoom())) await unlessAborted(changed, signal);
    }
    this.#free -= 1;
  }

  /** Takes a permit if one is free, and says whether. */
  tryAcquire(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  release(): void {
    this.#free += 1;
    this.retry();
  }

  /** Lets every waiter ask for room again. */
  retry(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
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
