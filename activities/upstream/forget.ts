/** The end of a group: its row goes first, and then, tried once, its files at the model server. */
import { log } from '@temporalio/activity';

import { dissolveGroup } from '../../db/batches/upstream-batches.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import type { ModelServer } from '../model/client.ts';

const TIMEOUT_MS = 30_000;

/** `files`: those of its results. Turns without an answer wait for another group, which may be closed in `ms`. */
export async function forgetGroup(
  { pool }: ActivityDependencies,
  server: ModelServer | undefined,
  id: string,
  { files = [], ms = 0 }: { files?: (string | null | undefined)[]; ms?: number } = {},
): Promise<void> {
  const input = await dissolveGroup(pool, id, ms);
  // Undefined: another attempt has dissolved it.
  if (input === undefined || server === undefined) return;
  for (const file of [input, ...files]) {
    if (!file) continue;
    try {
      await server.client.files.delete(file, { timeout: TIMEOUT_MS, maxRetries: 0 });
    } catch (error) {
      const reason = (error as Error).message;
      log.info('A model server keeps the file of a batch', { group: id, file, reason });
    }
  }
}
