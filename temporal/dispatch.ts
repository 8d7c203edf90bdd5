/**
 * Carries committed deliveries to Temporal at once, off the request's path: the request was accepted when it committed.
 * The worker repeats what fails here.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { BusyError } from '../db/core/connection-shares.ts';
import type { Delivery } from '../db/core/deliveries.ts';
import { removeDelivery } from '../db/core/deliveries.ts';
import type { Outbox } from './deliver.ts';
import { deliver, logFieldsOf } from './deliver.ts';
import type { InTurn } from './turns.ts';
import { createTurns } from './turns.ts';

const SETTLE_MS = 2_000;
/** After two seconds the worker takes a delivery: one that had no turn until then is left to it. */
const TURN_MS = 1_900;

export type Dispatcher = {
  dispatch(delivery: Delivery): void;
  /** Resolves once Temporal has accepted each delivery or the worker has it. Does not wait for a Temporal that is silent. */
  settled(): Promise<void>;
};

export function createDispatcher(outbox: Outbox): Dispatcher {
  const underWay = new Set<Promise<void>>();
  const inTurn = createTurns();
  return {
    dispatch(delivery) {
      const work = dispatch(outbox, inTurn, delivery).finally(() => underWay.delete(work));
      underWay.add(work);
    },
    async settled() {
      await Promise.race([Promise.all(underWay), sleep(SETTLE_MS, undefined, { ref: false })]);
    },
  };
}

async function dispatch(outbox: Outbox, inTurn: InTurn, delivery: Delivery): Promise<void> {
  try {
    const result = await inTurn(delivery, TURN_MS, () => deliver(outbox, delivery));
    // A lost signal or cancel may be ahead of its start, which is still on its way: the worker keeps the order.
    if (result === 'accepted') await removeDelivery(outbox.pool, delivery.id);
  } catch (error) {
    if (error instanceof BusyError) return;
    outbox.log.warn({ ...logFieldsOf(delivery), err: error }, 'Left a delivery to the worker');
  }
}
