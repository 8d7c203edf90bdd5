/**
 * Shares out a pool's connections: an owner may have another one while it has fewer than `factor` for each that is free. The
 * more owners want, the less each gets, and something stays free for a new one.
 */
export class BusyError extends Error {
  override name = 'BusyError';
}

export const LEFT = 'Nobody waits for it any more.';

/** `ms`: its longest wait while it has its share. */
export type Owner = { name: string; factor: number; ms: number };

/** Resolves to the way to give the connection back. @throws BusyError after the wait of an owner, or when `signal` aborts */
export type TakeShare = (owners: readonly Owner[], signal?: AbortSignal) => Promise<() => void>;

export function createShares(total: number): TakeShare {
  const held = new Map<string, number>();
  const waiting = new Map<(giveBack: () => void) => void, readonly Owner[]>();
  let free = total;

  const hasRoom = ({ name, factor }: Owner) => (held.get(name) ?? 0) < factor * free;
  const mayTake = (owners: readonly Owner[]) => owners.every(hasRoom);
  const move = (owners: readonly Owner[], by: 1 | -1) => {
    free -= by;
    for (const { name } of owners) held.set(name, (held.get(name) ?? 0) + by);
    for (const { name } of owners) if (held.get(name) === 0) held.delete(name);
  };
  const grant = (owners: readonly Owner[]) => {
    move(owners, 1);
    return () => {
      move(owners, -1);
      for (const [resolve, others] of waiting) {
        if (mayTake(others) && waiting.delete(resolve)) resolve(grant(others));
      }
    };
  };

  return async (owners, signal) => {
    if (signal?.aborted === true) throw new BusyError(LEFT);
    if (mayTake(owners)) return grant(owners);
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    waiting.set(resolve, owners);
    // Out of the queue first: what it is granted afterwards nobody would give back.
    const fail = (why: string) => waiting.delete(resolve) && reject(new BusyError(why));
    const longest = Math.max(...owners.map(({ ms }) => ms));
    // An owner that has nothing waits for others, not for its own work to end.
    const isLate = (owner: Owner) =>
      owner.ms === longest || (held.has(owner.name) && !hasRoom(owner));
    const timers = owners.map((owner) =>
      setTimeout(() => isLate(owner) && fail('No connection was free in time.'), owner.ms),
    );
    const leave = () => fail(LEFT);
    signal?.addEventListener('abort', leave);
    return promise.finally(() => {
      timers.forEach(clearTimeout);
      signal?.removeEventListener('abort', leave);
    });
  };
}
