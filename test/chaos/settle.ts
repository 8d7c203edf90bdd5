/** After the last fault: waits until nothing is under way any more. What never settles is for the oracle to report. */
import { setTimeout as pause } from 'node:timers/promises';

import type { ChaosSystem } from './system/system.ts';

/** Past the deadline of the last run. */
const LATE_MS = 30_000;
/** For files on their way, and for what Temporal is still to be told. */
const LEAST_MS = 90_000;

type Open = { runs: number; files: number; deliveries: number; last_deadline_ms: number };

/** @throws the signal's reason */
export async function settle(
  { pool }: ChaosSystem,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  let until = Date.now() + LEAST_MS;
  let told = 0;
  for (;;) {
    const { rows } = await pool.query<Open>(
      `select count(*)::integer as runs, coalesce(max(expires_at), 0) * 1000 as last_deadline_ms,
         (select count(*)::integer from vector_store_files where status = 'in_progress') as files,
         (select count(*)::integer from deliveries) as deliveries
       from runs where status in ('queued', 'in_progress', 'requires_action', 'cancelling')`,
    );
    const { runs, files, deliveries, last_deadline_ms: deadline } = rows[0]!;
    if (runs + files + deliveries === 0) return;
    until = Math.max(until, deadline + LATE_MS);
    if (Date.now() > until) return;
    if (Date.now() - told > 10_000) {
      told = Date.now();
      say(`Settling: ${runs} runs, ${files} files and ${deliveries} deliveries are open.`);
    }
    await pause(500, undefined, { signal });
  }
}
