/**
 * Content in rows of at most 1 MiB, streamed both ways: a few chunks are in memory, never a whole blob. A blob belongs to
 * nobody until a row refers to it. What its writer left behind, and what lost its last referrer by a cascade, is collected
 * once it has been quiet for an hour.
 */
import type { ProjectId } from '../../wire/ids.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';

/** A pass of the collection looks at so many blobs and removes at most so many. */
const COLLECT_SPAN = 5_000;
const COLLECT_BATCH = 200;

export type StoredBlob = { id: number; bytes: number; sha256: Buffer };

/** The blob was deleted before it was read to its end. */
export class BlobGoneError extends Error {
  override name = 'BlobGoneError';

  constructor(id: number) {
    super(`Blob ${id} is gone.`);
  }
}

/**
 * Reads a finished blob from its start, one chunk at a time, each when it is asked for.
 * @throws BlobGoneError, also in the middle: what was read so far is then not the whole content
 */
export async function* readBlob(db: Queryable, id: number): AsyncGenerator<Buffer> {
  let read = 0;
  for (let n = 0; ; n++) {
    const rows = await query<{ bytes: number | null; data: Buffer | null }>(
      db,
      'blobs.read',
      `select b.bytes, c.data from blobs b left join blob_chunks c on c.blob_id = b.id and c.n = $2 where b.id = $1`,
      [id, n],
    );
    const { bytes = null, data = null } = rows[0] ?? {};
    if (bytes === null || (data === null && read < bytes)) throw new BlobGoneError(id);
    if (data === null) return;
    read += data.length;
    yield data;
    if (read >= bytes) return;
  }
}

/**
 * One blob of the contents of others, in this order. The chunks change their owner and are not copied; the others are
 * left empty, to be released with whatever refers to them. A single one is returned as it is.
 */
export async function assembleBlob(
  tx: Tx,
  projectId: ProjectId,
  ids: readonly number[],
  bytes: number,
): Promise<number> {
  if (ids.length === 1) return ids[0]!;
  const rows = await query<{ id: number }>(
    tx,
    'blobs.create',
    'insert into blobs (project_id, bytes) values ($1, $2) returning id',
    [projectId, bytes],
  );
  const id = rows[0]!.id;
  await query(
    tx,
    'blobs.assemble',
    `with moved as (
       select c.blob_id, c.n, row_number() over (order by p.position, c.n) - 1 as new_n
       from unnest($2::bigint[]) with ordinality p (blob_id, position) join blob_chunks c using (blob_id))
     update blob_chunks c set blob_id = $1, n = moved.new_n from moved
     where c.blob_id = moved.blob_id and c.n = moved.n`,
    [id, ids],
  );
  return id;
}

/** For a blob that nothing refers to yet. The database refuses when something does. */
export async function deleteBlob(db: Queryable, id: number): Promise<void> {
  await query(db, 'blobs.delete', 'delete from blobs where id = $1', [id]);
}

const UNREFERENCED = `not exists (select from files r where r.blob_id = b.id)
  and not exists (select from upload_parts r where r.blob_id = b.id)
  and not exists (select from batches r where r.input_blob_id = b.id)
  and not exists (select from batches r where r.resumed_blob_id = b.id)
  and not exists (select from interpreters r where r.namespace_blob_id = b.id)
  and not exists (select from interpreter_files r where r.blob_id = b.id)`;

/** Deletes those of the blobs that nothing refers to any more. Call it after the referrer is gone. */
export async function releaseBlobs(tx: Tx, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0;
  // No row can begin to refer to a locked blob, and the next statement sees every row that does.
  await query(
    tx,
    'blobs.lock',
    'select id from blobs where id = any($1::bigint[]) order by id for update',
    [ids],
  );
  const deleted = await query<{ id: number }>(
    tx,
    'blobs.release',
    `delete from blobs b where id = any($1::bigint[]) and ${UNREFERENCED} returning id`,
    [ids],
  );
  return deleted.length;
}

/**
 * Deletes blobs that nothing refers to and that nobody has written for `quietSeconds`. A pass looks at a limited span of
 * ids from a random one on, or at all of them while there are few, so that its cost does not grow with what is stored.
 */
export async function collectBlobs(pool: Pool, quietSeconds = 3_600): Promise<number> {
  return withTransaction(pool, async (tx) => {
    const found = await query<{ id: number }>(
      tx,
      'blobs.abandoned',
      `with ends as (select min(id) as first, max(id) as last from blobs),
         start as (select case when last - first < $2::bigint then first
           else first - $2::bigint + floor(random() * (last - first + $2::bigint))::bigint end as id from ends)
       select b.id from blobs b, start
       where b.id >= start.id and b.id <= start.id + $2::bigint
         and b.created_at < clock_timestamp() - $1 * interval '1 second' and ${UNREFERENCED}
       order by b.id limit $3 for update of b skip locked`,
      [quietSeconds, COLLECT_SPAN, COLLECT_BATCH],
    );
    const ids = found.map(({ id }) => id);
    return releaseBlobs(tx, ids);
  });
}
