/** Instruments that are read when they are asked for. Each function returns what ends the reading. */
import { meter } from './meter.ts';

const connections = meter.createObservableUpDownCounter('db.client.connection.count', {
  description: 'Connections of a pool to PostgreSQL, by state',
});
const mostConnections = meter.createObservableUpDownCounter('db.client.connection.max', {
  description: 'Connections that a pool may have',
});
const waitingForConnection = meter.createObservableUpDownCounter(
  'db.client.connection.pending_requests',
  { description: 'Statements and transactions that wait for a connection' },
);

type PoolCounts = { totalCount: number; idleCount: number; waitingCount: number };

export function observePool(name: string, max: number, pool: PoolCounts): () => void {
  const of = { 'db.client.connection.pool.name': name };
  const observed = [connections, mostConnections, waitingForConnection];
  const read: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const { totalCount, idleCount, waitingCount } = pool;
    const used = totalCount - idleCount;
    result.observe(connections, used, { ...of, 'db.client.connection.state': 'used' });
    result.observe(connections, idleCount, { ...of, 'db.client.connection.state': 'idle' });
    result.observe(mostConnections, max, of);
    result.observe(waitingForConnection, waitingCount, of);
  };
  meter.addBatchObservableCallback(read, observed);
  return () => meter.removeBatchObservableCallback(read, observed);
}

const kernels = meter.createObservableUpDownCounter('threadmill.sandbox.kernels', {
  description: 'Python processes that hold the variables of a thread',
});

export function observeKernels(count: () => number): () => void {
  const read: Parameters<typeof kernels.addCallback>[0] = (result) => result.observe(count());
  kernels.addCallback(read);
  return () => kernels.removeCallback(read);
}

const databaseUp = meter.createObservableGauge('threadmill.database.up', {
  description:
    '1 if PostgreSQL answered this scrape; the gauges of what it stores are old otherwise',
});
const stored = {
  deliveries: meter.createObservableGauge('threadmill.deliveries', {
    description: 'Starts, signals and cancels that Temporal has not accepted yet',
  }),
  deliveryAge: meter.createObservableGauge('threadmill.deliveries.oldest_age', {
    unit: 's',
    description: 'Age of the oldest of them. Those of ingests wait for their turn',
  }),
  runs: meter.createObservableGauge('threadmill.runs', {
    description: 'Runs that have not ended, by status',
  }),
  batches: meter.createObservableGauge('threadmill.batches', {
    description: 'Batches that have not ended, by status',
  }),
  lines: meter.createObservableGauge('threadmill.batch.lines', {
    description: 'Lines of batches that have not ended, by state',
  }),
  window: meter.createObservableGauge('threadmill.batch.window', {
    description: 'Lines that all batches that have not ended may run at once',
  }),
};

/** A value of a gauge, with its label. */
export type Stored = { gauge: keyof typeof stored; label: string; value: number };

const LABELS: Record<keyof typeof stored, string | undefined> = {
  deliveries: 'kind',
  deliveryAge: 'kind',
  runs: 'status',
  batches: 'status',
  lines: 'state',
  window: undefined,
};

/** `read` gives every label each time: the SDK repeats the last value of a label that is left out. */
export function observeStored(read: () => Promise<Stored[]>): () => void {
  const observed = [databaseUp, ...Object.values(stored)];
  const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
    const values = await read().catch(() => undefined);
    result.observe(databaseUp, values === undefined ? 0 : 1);
    for (const { gauge, label, value } of values ?? []) {
      const name = LABELS[gauge];
      result.observe(stored[gauge], value, name === undefined ? {} : { [name]: label });
    }
  };
  meter.addBatchObservableCallback(callback, observed);
  return () => meter.removeBatchObservableCallback(callback, observed);
}
