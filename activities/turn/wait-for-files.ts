/** Before its first turn a run waits a while for files of its thread that are being indexed. */
import { setTimeout as delay } from 'node:timers/promises';

import { threadHasWaiting } from '../../db/vector-stores/waiting-files.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { ActivityDependencies } from '../dependencies.ts';

/** Ingests end in other workers too, without a notification: the rows are polled. */
const POLL_MS = 200;

/** Counted from the run's start, so that a repeated attempt does not wait anew. */
export async function waitForFiles(
  { pool, fileWaitSeconds }: Pick<ActivityDependencies, 'pool' | 'fileWaitSeconds'>,
  run: RunRow,
  signal: AbortSignal,
): Promise<void> {
  const deadline = ((run.started_at ?? 0) + fileWaitSeconds) * 1_000;
  while (Date.now() < deadline && (await threadHasWaiting(pool, run.id))) {
    await delay(POLL_MS, undefined, { signal });
  }
}
