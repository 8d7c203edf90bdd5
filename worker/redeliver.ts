/** Repeats deliveries that the API committed but could not hand to Temporal, in order per run, until they are accepted. */
import type { Client } from '@temporalio/client';

import type { Delivery } from '../db/core/deliveries.ts';
import { removeDelivery, takeDueDeliveries } from '../db/core/deliveries.ts';
import type { Pool } from '../db/core/pool.ts';
import type { Logger } from '../config/log.ts';
import type { DeliverOptions } from '../temporal/deliver.ts';
import { deliver } from '../temporal/deliver.ts';
import { startLoop } from './loop.ts';

const INTERVAL_MS = 500;
const BATCH = 50;

/** Starts the loop; the returned function stops it after the pass under way. */
export function startRedelivery(
  pool: Pool,
  client: Client,
  options: DeliverOptions,
  log: Logger,
): () => Promise<void> {
  return startLoop('Deliveries could not be repeated', INTERVAL_MS, log, async () => {
    const due = await takeDueDeliveries(pool, BATCH);
    await Promise.all(due.map((delivery) => redeliver({ pool, client, log }, delivery, options)));
    return due.length === BATCH;
  });
}

async function redeliver(
  { pool, client, log }: { pool: Pool; client: Client; log: Logger },
  delivery: Delivery,
  options: DeliverOptions,
): Promise<void> {
  const fields = { run_id: delivery.runId, kind: delivery.payload.kind };
  try {
    const result = await deliver(client, delivery, options);
    // Nothing to signal or cancel any more: the reconciler looks at the run.
    await removeDelivery(pool, delivery.id);
    // Most ingests are started here.
    const level = delivery.payload.kind === 'ingest' ? 'debug' : 'info';
    log[level]({ ...fields, result }, 'Repeated a delivery');
  } catch (error) {
    log.warn({ ...fields, err: error }, 'A delivery is still not accepted');
  }
}
