/**
 * Projects take turns at what is carried to Temporal: one that starts hundreds of runs at once has few starts under way, so that
 * those of another are not the last in the queues of Temporal and of the worker.
 */
import { createShares } from '../db/core/connection-shares.ts';
import type { Delivery } from '../db/core/deliveries.ts';

/** Under way at once. A project takes twice as many as it leaves free: four of them. */
const STARTS = 6;
const SHARE = 2;

/** @throws BusyError when the project had no turn within `ms` */
export type InTurn = <T>(delivery: Delivery, ms: number, work: () => Promise<T>) => Promise<T>;

/** What changes work that runs already does not wait. */
export function createTurns(): InTurn {
  const take = createShares(STARTS);
  return async ({ payload }, ms, work) => {
    if (!('projectId' in payload)) return work();
    const giveBack = await take([{ name: payload.projectId, factor: SHARE, ms }]);
    return work().finally(giveBack);
  };
}
