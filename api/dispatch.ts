/**
 * Hands committed deliveries to Temporal at once, off the request's path: the request was accepted when it committed.
 * What fails here is repeated by the worker.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from '@temporalio/client';

import type { Delivery } from '../db/core/deliveries.ts';
import { removeDelivery } from '../db/core/deliveries.ts';
import type { Pool } from '../db/core/pool.ts';
import type { Logger } from '../config/log.ts';
import type { DeliverOptions } from '../temporal/deliver.ts';
import { deliver } from '../temporal/deliver.ts';

const SETTLE_MS = 2_000;

export class Dispatcher {
  readonly #pool: Pool;
  readonly #client: Client;
  readonly #options: DeliverOptions;
  readonly #log: Logger;
  readonly #underWay = new Set<Promise<void>>();

  constructor(pool: Pool, client: Client, options: DeliverOptions, log: Logger) {
    this.#pool = pool;
    this.#client = client;
    this.#options = options;
    this.#log = log;
  }

  dispatch(delivery: Delivery): void {
    const work = this.#deliver(delivery).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  /** Resolves once everything dispatched so far was accepted or left to the worker: a silent Temporal is not waited for. */
  async settled(): Promise<void> {
    await Promise.race([Promise.all(this.#underWay), sleep(SETTLE_MS, undefined, { ref: false })]);
  }

  async #deliver(delivery: Delivery): Promise<void> {
    try {
      const result = await deliver(this.#client, delivery, this.#options);
      // A lost signal or cancel may be ahead of its start, which is still on its way: the worker keeps the order.
      if (result === 'accepted') await removeDelivery(this.#pool, delivery.id);
    } catch (error) {
      this.#log.warn(
        { err: error, run_id: delivery.runId, kind: delivery.payload.kind },
        'Left a delivery to the worker',
      );
    }
  }
}
