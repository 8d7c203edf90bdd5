/** Parts of stored content. */
import { BlobGoneError } from './blobs.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** Where content begins: a chunk, and how many of its bytes come before. Chunks of put together content differ in size. */
export type BlobPlace = { chunk: number; offset: number };

/** Reads a finished blob from a place on, chunk by chunk, each with its place. */
export async function* readBlobFrom(
  db: Queryable,
  id: number,
  { chunk, offset }: BlobPlace,
): AsyncGenerator<BlobPlace & { data: Buffer }> {
  for (let place = { chunk, offset }; ; place = { chunk: place.chunk + 1, offset: 0 }) {
    const rows = await query<{ data: Buffer }>(
      db,
      'blobs.read-from',
      'select substring(data from $3::integer + 1) as data from blob_chunks where blob_id = $1 and n = $2',
      [id, place.chunk, place.offset],
    );
    if (rows[0] === undefined) return;
    yield { ...place, data: rows[0].data };
  }
}

/** Some bytes of a finished blob, without the rest of their chunks. @throws BlobGoneError */
export async function readBlobPart(
  db: Queryable,
  id: number,
  { chunk, offset }: BlobPlace,
  bytes: number,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let left = bytes; left > 0; chunk += 1, offset = 0) {
    const rows = await query<{ data: Buffer }>(
      db,
      'blobs.read-part',
      `select substring(data from $3::integer + 1 for $4::integer) as data from blob_chunks where blob_id = $1 and n = $2`,
      [id, chunk, offset, left],
    );
    if (rows[0] === undefined) throw new BlobGoneError(id);
    parts.push(rows[0].data);
    left -= rows[0].data.length;
  }
  return Buffer.concat(parts);
}

/** The hash of a finished blob, null if it was put together of others, and where its byte `at` stands. @throws BlobGoneError */
export async function findInBlob(
  db: Queryable,
  id: number,
  at: number,
): Promise<{ sha256: Buffer | null; place: BlobPlace }> {
  const rows = await query<BlobPlace & { sha256: Buffer | null }>(
    db,
    'blobs.find',
    `select b.sha256, coalesce(c.n, 0) as chunk, ($2 - coalesce(c.before, 0))::integer as offset from blobs b
       left join lateral (select n, sum(octet_length(data)) over (order by n) - octet_length(data) as before
         from blob_chunks where blob_id = b.id) c on c.before <= $2
     where b.id = $1 order by c.n desc limit 1`,
    [id, at],
  );
  if (rows[0] === undefined) throw new BlobGoneError(id);
  const { sha256, ...place } = rows[0];
  return { sha256, place };
}

/** Some bytes of a finished blob, chunk by chunk. @throws BlobGoneError, also in the middle */
export async function* readBlobSpan(
  db: Queryable,
  id: number,
  place: BlobPlace,
  bytes: number,
): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const { data } of readBlobFrom(db, id, place)) {
    yield data.subarray(0, left);
    left -= data.length;
    if (left <= 0) return;
  }
  if (left > 0) throw new BlobGoneError(id);
}
