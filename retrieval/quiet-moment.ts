/** Waits until other work leaves this computer a processor. */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout } from 'node:timers/promises';

const TICK_MS = 1_000;
/** A computer may be busy for ever. */
const MOST_MS = 120_000;

/** Whether more is to be done, by the average of the last minute, than there are processors. */
export function isBusy(): boolean {
  const [lastMinute = 0] = loadavg();
  return lastMinute > availableParallelism();
}

/** @throws the signal's reason when it aborts */
export async function quietMoment(busy: () => boolean, signal?: AbortSignal): Promise<void> {
  for (let waited = 0; waited < MOST_MS && busy(); waited += TICK_MS) {
    await setTimeout(TICK_MS);
    signal?.throwIfAborted();
  }
}
