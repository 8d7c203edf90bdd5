/** A number of places, waited for when all are taken. */
export class Slots {
  readonly #makeRoom: () => Promise<boolean>;
  #free: number;
  #changed = Promise.withResolvers<void>();

  /** `makeRoom` tries to have one place given back, and says whether it did. */
  constructor(count: number, makeRoom: () => Promise<boolean>) {
    this.#free = count;
    this.#makeRoom = makeRoom;
  }

  /** Resolves with a place taken. Throws the signal's reason when it aborts first. */
  async take(signal: AbortSignal): Promise<void> {
    while (this.#free === 0) {
      signal.throwIfAborted();
      // Before asking: what changes while room is made must not be missed.
      const changed = this.#changed.promise;
      if (!(await this.#makeRoom())) await unlessAborted(changed, signal);
    }
    this.#free -= 1;
  }

  /** Takes a place if one is free, and says whether. */
  takeFree(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Gives a place back. */
  give(): void {
    this.#free += 1;
    this.retry();
  }

  /** Lets everyone who waits ask for room again. */
  retry(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Awaits `promise`, but throws the signal's reason as soon as it aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
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
