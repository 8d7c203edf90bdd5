/**
 * Makes the batch of a group at its model server, once: what an attempt that was cut off may have made is looked up by the
 * group's id before it is made again.
 */
import { log } from '@temporalio/activity';
import type { Batch } from 'openai/resources/batches';

import type { UpstreamBatch } from '../../db/batches/upstream-batches.ts';
import {
  beginCreation,
  countBytes,
  putOff,
  readGroup,
  setFile,
  setUpstreamId,
} from '../../db/batches/upstream-batches.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import type { ModelServer } from '../model/client.ts';
import { withRefusals } from '../model/client.ts';
import { forgetGroup } from './forget.ts';
import { uploadLines } from './upload.ts';

/** Key of the group's id in the metadata of its batch. */
const MARK = 'threadmill_turns';
const TIMEOUT_MS = 30_000;
/** A request whose sender is gone may still be on its way: so long it is looked for, and not made again. */
const SETTLE_SECONDS = TIMEOUT_MS / 1_000;
/** Batches made at the server since: the group's is among the newest. */
const MAX_LISTED = 2_000;

export async function submitGroup(
  deps: ActivityDependencies,
  server: ModelServer,
  group: UpstreamBatch & { paused: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { pool, upstream } = deps;
  if (group.tried_seconds !== null) {
    const made = await findBatch(server, group, signal);
    if (made !== undefined) {
      await setUpstreamId(pool, group.id, made.id);
      return;
    }
    if (group.tried_seconds < SETTLE_SECONDS) return putOff(pool, group.id, upstream.pollMs);
  }
  // Another group takes those turns whose batches are not paused.
  if (group.paused) return forgetGroup(deps, server, group.id);
  const fileId = group.file_id ?? (await upload({ pool, server, group, signal }));
  await beginCreation(pool, group.id);
  signal.throwIfAborted();
  const batch = await create(server, group, fileId, signal);
  if (await setUpstreamId(pool, group.id, batch.id)) {
    log.info('Sent turns to a model server as a batch', { batch: batch.id, group: group.id });
    return putOff(pool, group.id, upstream.pollMs);
  }
  // A frozen attempt that woke up late: the other one's batch has the turns.
  await withRefusals(server.client.batches.cancel(batch.id, { timeout: TIMEOUT_MS }));
}

/** The batch that an earlier attempt has made. */
export async function findBatch(
  { client }: ModelServer,
  { id }: UpstreamBatch,
  signal: AbortSignal,
): Promise<Batch | undefined> {
  let listed = 0;
  const options = { signal, timeout: TIMEOUT_MS };
  let page = await withRefusals(client.batches.list({ limit: 100 }, options));
  for (;;) {
    const made = page.data.find(({ metadata }) => metadata?.[MARK] === id);
    listed += page.data.length;
    if (made !== undefined || !page.hasNextPage() || listed >= MAX_LISTED) return made;
    page = await withRefusals(page.getNextPage());
  }
}

type Uploading = {
  pool: ActivityDependencies['pool'];
  server: ModelServer;
  group: UpstreamBatch;
  signal: AbortSignal;
};

async function upload({ pool, server, group: { id }, signal }: Uploading): Promise<string> {
  const content = {
    name: `${id}.jsonl`,
    bytes: await countBytes(pool, id),
    lines: readGroup(pool, id),
  };
  const fileId = await uploadLines(server, content, signal);
  await setFile(pool, id, fileId);
  return fileId;
}

function create(
  { client }: ModelServer,
  { id }: UpstreamBatch,
  fileId: string,
  signal: AbortSignal,
): Promise<Batch> {
  const asked = client.batches.create(
    {
      input_file_id: fileId,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { [MARK]: id },
    },
    { signal, timeout: TIMEOUT_MS, idempotencyKey: id },
  );
  return withRefusals(asked);
}
