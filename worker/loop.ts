/** What a worker repeats beside its activities. An outage is logged as one line for each try; anything else with its stack. */
import { isBusy, isUnavailable } from '../db/core/pool.ts';
import type { Logger } from '../config/log.ts';
import { isTemporalAway } from '../temporal/when-there.ts';

/** Repeats `work`, at once while it says that more is waiting. The returned function stops after the work under way. */
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
      if (!more) await pause(intervalMs, stop.signal);
    }
  })();
  return () => {
    stop.abort();
    return running;
  };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
