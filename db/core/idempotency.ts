/**
 * Idempotency-Key: the answer is stored in the transaction that has the effect, so a key has both or neither. A second
 * request with the key waits for the first one's transaction and gets its answer.
 */
import { createHash } from 'node:crypto';

import { idempotencyKeyReused, idempotentObjectDeleted } from '../../wire/errors/http-errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { toJson } from './json.ts';
import type { Pool, Queryable, Tx } from './pool.ts';
import { query, withTransaction } from './pool.ts';

export const IDEMPOTENCY_HOURS = 24;

/**
 * A request that must have its effect once. `fingerprint` is what makes two requests the same. That of version 0.1.0
 * lacked the ids of the path: its keys go on for the answers that name them.
 */
export type IdempotentRequest = {
  projectId: ProjectId;
  key: string;
  fingerprint: string;
  former: { fingerprint: string; ids: string[] };
};

/**
 * Runs `work` in a transaction, once per key; a repeat returns the stored answer with `replayed`.
 * A rejected request stores nothing, so it can be corrected and sent again with the same key.
 * @throws ApiError 400 when the key belongs to a different request, 404 when what it made was deleted
 */
export async function withIdempotencyKey<T extends object>(
  pool: Pool,
  request: IdempotentRequest | undefined,
  work: (tx: Tx) => Promise<T>,
): Promise<T & { replayed: boolean }> {
  return withTransaction(pool, async (tx) => {
    if (request === undefined) return { ...(await work(tx)), replayed: false };
    const stored = await claimKey(tx, request);
    if (stored !== undefined) return { ...(JSON.parse(stored) as T), replayed: true };
    const answer = await work(tx);
    await query(
      tx,
      'idempotency.store',
      'update idempotency_keys set response = $3::json where project_id = $1 and key = $2',
      [request.projectId, request.key, toJson(answer)],
    );
    return { ...answer, replayed: false };
  });
}

async function claimKey(tx: Tx, request: IdempotentRequest): Promise<string | undefined> {
  const fingerprint = hash(request.fingerprint);
  const claimed = await query<{ key: string }>(
    tx,
    'idempotency.claim',
    `insert into idempotency_keys (project_id, key, request_hash) values ($1, $2, $3)
     on conflict (project_id, key) do update set request_hash = excluded.request_hash, response = null,
       created_at = clock_timestamp()
       where idempotency_keys.created_at < clock_timestamp() - interval '${IDEMPOTENCY_HOURS} hours'
     returning key`,
    [request.projectId, request.key, fingerprint],
  );
  if (claimed[0] !== undefined) return undefined;
  const rows = await query<{ request_hash: Buffer; response: string | null }>(
    tx,
    'idempotency.read',
    'select request_hash, response from idempotency_keys where project_id = $1 and key = $2',
    [request.projectId, request.key],
  );
  const row = rows[0];
  const same =
    row !== undefined &&
    (row.request_hash.equals(fingerprint) ||
      (row.request_hash.equals(hash(request.former.fingerprint)) &&
        request.former.ids.every((id) => row.response?.includes(id))));
  if (!same) throw idempotencyKeyReused();
  if (row.response === null) throw idempotentObjectDeleted();
  return row.response;
}

/** Drops the stored answers that tell of all these objects, which are being deleted. Their keys go on to be used up. */
export async function forgetAnswers(tx: Queryable, ...objects: string[]): Promise<void> {
  await query(
    tx,
    'idempotency.forget',
    'update stored_answers set response = null where objects @> $1::text[]',
    [objects],
  );
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
