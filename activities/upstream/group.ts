/** What a step of a group works with, and the end of a group: its row goes first, then its files at the model server. */
import { log } from '@temporalio/activity';

import type { UpstreamBatch } from '../../db/batches/upstream-batches.ts';
import { dissolveGroup } from '../../db/batches/upstream-batches.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import type { ModelServer } from '../model/client.ts';

/** `server` undefined: the models file does not name the model any more. */
export type Step = {
  deps: ActivityDependencies;
  server: ModelServer | undefined;
  group: UpstreamBatch;
  signal: AbortSignal;
};
export type ServerStep = Step & { server: ModelServer };

/** In ms: of a request without a file. */
export const TIMEOUT_MS = 30_000;
/** 200 MB over a slow line. */
export const FILE_TIMEOUT_MS = 1_800_000;

/** `files`: those of its results. Turns without an answer wait for another group, which may be closed in `ms`. */
export async function forgetGroup(
  { deps, server, group: { id } }: Step,
  { files = [], ms = 0 }: { files?: (string | null | undefined)[]; ms?: number } = {},
): Promise<void> {
  const input = await dissolveGroup(deps.pool, id, ms);
  // Undefined: another attempt has dissolved it.
  if (input === undefined || server === undefined) return;
  for (const file of [input, ...files]) {
    if (!file) continue;
    await server.client.files.delete(file, { timeout: TIMEOUT_MS }).catch((error: Error) => {
      const { message: reason } = error;
      log.info('A model server keeps the file of a batch', { group: id, file, reason });
    });
  }
}
