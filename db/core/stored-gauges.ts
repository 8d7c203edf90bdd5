/** Reads the stored figures of /metrics in one statement. Its cost does not grow with rows that have ended. */
import type { Stored } from '../../telemetry/gauges.ts';
import { observeStored } from '../../telemetry/gauges.ts';
import { ACTIVE_STATUSES } from '../../wire/run-status.ts';
import type { Pool } from './pool.ts';
import { query } from './pool.ts';
import { inWholeDatabase } from './row-scope.ts';

const KINDS = [
  'start',
  'signal',
  'cancel',
  'ingest',
  'batch',
  'line',
  'wake',
  'resume',
  'schedule',
];
const BATCHES = ['validating', 'in_progress', 'finalizing', 'cancelling'];
const LINES = ['pending', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'expired'];

/** A scrape waits no longer for the database. */
const PATIENCE_MS = 2_000;

/** The returned function ends it. */
export function observeDatabase(pool: Pool): () => void {
  return observeStored(async () => {
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => reject(new Error('late')), PATIENCE_MS).unref();
    });
    return Promise.race([inWholeDatabase(() => readStored(pool)), late]);
  });
}

type Row = { what: string; label: string; count: number; age: number };

async function readStored(pool: Pool): Promise<Stored[]> {
  const active = `b.status in ('validating', 'in_progress', 'finalizing', 'cancelling')`;
  const rows = await query<Row>(
    pool,
    'metrics.stored',
    `select 'delivery' as what, kind as label, count(*)::integer as count,
       extract(epoch from clock_timestamp() - min(created_at))::float8 as age from deliveries group by kind
     union all select 'run', status, count(*)::integer, 0 from runs
       where status in ('queued', 'in_progress', 'requires_action', 'cancelling') group by status
     union all select 'batch', b.status, count(*)::integer, 0 from batches b where ${active} group by b.status
     union all select 'line', l.state, count(*)::integer, 0
       from batches b join batch_lines l on l.batch_id = b.id where ${active} group by l.state
     union all select 'window', '', coalesce(sum(b.running_limit), 0)::integer, 0 from batches b where ${active}`,
  );
  const found = new Map(rows.map((row) => [`${row.what} ${row.label}`, row]));
  const of = (what: string, label: string) => found.get(`${what} ${label}`);
  const counts = (gauge: Stored['gauge'], what: string, labels: readonly string[]) =>
    labels.map((label) => ({ gauge, label, value: of(what, label)?.count ?? 0 }));
  return [
    ...counts('deliveries', 'delivery', KINDS),
    ...KINDS.map((label) => ({
      gauge: 'deliveryAge' as const,
      label,
      value: Math.max(0, of('delivery', label)?.age ?? 0),
    })),
    ...counts('runs', 'run', ACTIVE_STATUSES),
    ...counts('batches', 'batch', BATCHES),
    ...counts('lines', 'line', LINES),
    ...counts('window', 'window', ['']),
  ];
}
