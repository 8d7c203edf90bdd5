/** The loops of a worker. An outage is logged as one line for each try; any other error with its stack. */
import { setTimeout as sleep } from 'node:timers/promises';

import { isBusy, isUnavailable } from '../db/core/pool.ts';
import type { Logger } from '../config/log.ts';
import { isTemporalAway } from './when-there.ts';

/** Repeats `work`, without a pause while it returns true: more is waiting. The returned function stops after the work under way. */
export function startLoop(
  name: string,
  intervalMs: number,
  log: Logger,
  work: () => Promise<boolean>,
): () => Promise<void> {
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      const more = await work().catch((error: unknown) => {
        const outage = isUnavailable(error) || isBusy(error) || isTemporalAway(error);
        log.warn(outage ? { reason: (error as Error).message } : { err: error }, name);
        return false;
      });
      if (more) continue;
      await sleep(intervalMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return () => {
    stop.abort();
    return running;
  };
}
