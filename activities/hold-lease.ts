/** Keeps a lease while its cell runs. An attempt that has lost it, such as one that stood still, stops its cell. */
import type { Lease } from '../db/interpreters/interpreter-lease.ts';
import { EXTEND_MS, extendLease, releaseLease } from '../db/interpreters/interpreter-lease.ts';
import type { Pool } from '../db/core/pool.ts';
import { FencedError } from '../db/events/run-events.ts';

export type HeldLease = {
  /** Aborts with the caller's signal, and when another attempt has taken the lease. */
  signal: AbortSignal;
  /** Stops extending it; what follows has the rest of its time. */
  stop(): Promise<void>;
  /** Gives it up. When that fails it runs out by itself. */
  release(): Promise<void>;
};

export function holdLease(pool: Pool, lease: Lease, signal: AbortSignal): HeldLease {
  const lost = new AbortController();
  let extending: Promise<void> = Promise.resolve();
  const extend = async () => {
    await extendLease(pool, lease).catch((error: unknown) => {
      // A database that cannot be reached may be back before the lease has run out.
      if (error instanceof FencedError) lost.abort(error);
    });
  };
  const timer = setInterval(() => {
    extending = extending.then(extend);
  }, EXTEND_MS);
  const stop = async () => {
    clearInterval(timer);
    await extending;
  };
  return {
    signal: AbortSignal.any([signal, lost.signal]),
    stop,
    release: async () => {
      await stop();
      await releaseLease(pool, lease).catch(() => {});
    },
  };
}
