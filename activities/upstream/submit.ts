/**
 * Makes the batch of a group at its model server, once: what an attempt that was cut off may have made is looked up by the
 * group's id before it is made again.
 */
import { log } from '@temporalio/activity';
import type { Batch } from 'openai/resources/batches';

import {
  beginCreation,
  countBytes,
  putOff,
  readGroup,
  setFile,
  setUpstreamId,
} from '../../db/batches/upstream-batches.ts';
import { withRefusals } from '../model/client.ts';
import type { ServerStep } from './group.ts';
import { forgetGroup, TIMEOUT_MS } from './group.ts';
import { uploadLines } from './upload.ts';

/** Key of the group's id in the metadata of its batch. */
const MARK = 'threadmill_turns';
/** A request whose sender is gone may still be on its way: so long it is looked for, and not made again. */
const SETTLE_SECONDS = TIMEOUT_MS / 1_000;
/** Batches made at the server since: the group's is among the newest. */
const MAX_LISTED = 2_000;

/** `isPaused`: the batch of some turn is. */
export async function submitGroup(step: ServerStep, isPaused: boolean): Promise<void> {
  const { deps, server, group, signal } = step;
  const { pool, upstream } = deps;
  if (group.tried_seconds !== null) {
    const made = await findBatch(step);
    if (made !== undefined) {
      await setUpstreamId(pool, group.id, made.id);
      return;
    }
    if (group.tried_seconds < SETTLE_SECONDS) return putOff(pool, group.id, upstream.pollMs);
  }
  // Another group takes those turns whose batches are not paused.
  if (isPaused) return forgetGroup(step);
  const fileId = group.file_id ?? (await upload(step));
  await beginCreation(pool, group.id);
  signal.throwIfAborted();
  const batch = await create(step, fileId);
  if (await setUpstreamId(pool, group.id, batch.id)) {
    log.info('Sent turns to a model server as a batch', { batch: batch.id, group: group.id });
    return putOff(pool, group.id, upstream.pollMs);
  }
  // A frozen attempt that woke up late: the other one's batch has the turns.
  await withRefusals(server.client.batches.cancel(batch.id, { timeout: TIMEOUT_MS }));
}

/** The batch that an earlier attempt has made. */
export async function findBatch({ server, group, signal }: ServerStep): Promise<Batch | undefined> {
  let listed = 0;
  const options = { signal, timeout: TIMEOUT_MS };
  let page = await withRefusals(server.client.batches.list({ limit: 100 }, options));
  for (;;) {
    const made = page.data.find(({ metadata }) => metadata?.[MARK] === group.id);
    listed += page.data.length;
    if (made !== undefined || !page.hasNextPage() || listed >= MAX_LISTED) return made;
    page = await withRefusals(page.getNextPage());
  }
}

async function upload({ deps: { pool }, server, group: { id }, signal }: ServerStep) {
  const bytes = await countBytes(pool, id);
  const content = { name: `${id}.jsonl`, bytes, lines: readGroup(pool, id) };
  const fileId = await uploadLines(server, content, signal);
  await setFile(pool, id, fileId);
  return fileId;
}

function create({ server, group, signal }: ServerStep, fileId: string): Promise<Batch> {
  const asked = server.client.batches.create(
    {
      input_file_id: fileId,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { [MARK]: group.id },
    },
    { signal, timeout: TIMEOUT_MS, idempotencyKey: group.id },
  );
  return withRefusals(asked);
}
