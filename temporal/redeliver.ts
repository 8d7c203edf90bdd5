/** Repeats deliveries that the API committed but could not carry to Temporal, in order per workflow, until Temporal accepts them. */
import type { Delivery } from '../db/core/deliveries.ts';
import { removeDelivery, takeDueDeliveries } from '../db/core/deliveries.ts';
import type { Outbox } from './deliver.ts';
import { inWholeDatabase } from '../db/core/row-scope.ts';
import { deliver, logFieldsOf } from './deliver.ts';
import { startLoop } from './loop.ts';
import type { InTurn } from './turns.ts';
import { createTurns } from './turns.ts';

const INTERVAL_MS = 500;
const BATCH = 50;
/** Then the delivery is one of a later pass. */
const TURN_MS = 10_000;

/** Starts the loop; the returned function stops it after the pass under way. */
export function startRedelivery(outbox: Outbox): () => Promise<void> {
  const inTurn = createTurns();
  const pass = async () => {
    const due = await takeDueDeliveries(outbox.pool, BATCH);
    await Promise.all(due.map((delivery) => redeliver(outbox, inTurn, delivery)));
    return due.length === BATCH;
  };
  return inWholeDatabase(() =>
    startLoop('Deliveries could not be repeated', INTERVAL_MS, outbox.log, pass),
  );
}

async function redeliver(outbox: Outbox, inTurn: InTurn, delivery: Delivery): Promise<void> {
  const { pool, log } = outbox;
  const fields = logFieldsOf(delivery);
  try {
    const result = await inTurn(delivery, TURN_MS, () => deliver(outbox, delivery));
    // Nothing to signal or cancel any more: the reconciler looks at the run.
    await removeDelivery(pool, delivery.id);
    // Most ingests are started here.
    const level = delivery.payload.kind === 'ingest' ? 'debug' : 'info';
    log[level]({ ...fields, result }, 'Repeated a delivery');
  } catch (error) {
    log.warn({ ...fields, err: error }, 'A delivery is still not accepted');
  }
}
