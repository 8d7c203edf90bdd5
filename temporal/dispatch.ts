/**
 * Carries committed deliveries to Temporal at once, off the request's path: the request was accepted when it committed.
 * The worker repeats what fails here.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Delivery } from '../db/core/deliveries.ts';
import { removeDelivery } from '../db/core/deliveries.ts';
import type { Outbox } from './deliver.ts';
import { deliver, logFieldsOf } from './deliver.ts';

const SETTLE_MS = 2_000;

export type Dispatcher = {
  dispatch(delivery: Delivery): void;
  /** Resolves once Temporal has accepted each delivery or the worker has it. Does not wait for a Temporal that is silent. */
  settled(): Promise<void>;
};

export function createDispatcher(outbox: Outbox): Dispatcher {
  const underWay = new Set<Promise<void>>();
  return {
    dispatch(delivery) {
      const work = dispatch(outbox, delivery).finally(() => underWay.delete(work));
      underWay.add(work);
    },
    async settled() {
      await Promise.race([Promise.all(underWay), sleep(SETTLE_MS, undefined, { ref: false })]);
    },
  };
}

async function dispatch(outbox: Outbox, delivery: Delivery): Promise<void> {
  try {
    const result = await deliver(outbox, delivery);
    // A lost signal or cancel may be ahead of its start, which is still on its way: the worker keeps the order.
    if (result === 'accepted') await removeDelivery(outbox.pool, delivery.id);
  } catch (error) {
    outbox.log.warn({ ...logFieldsOf(delivery), err: error }, 'Left a delivery to the worker');
  }
}
