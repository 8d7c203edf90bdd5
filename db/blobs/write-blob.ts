/** Writes content in rows of at most 1 MiB as it arrives, within the quota of its project. */
import { createHash } from 'node:crypto';

import { fileQuotaExceeded } from '../../wire/errors/file-errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { StoredBlob } from './blobs.ts';
import { deleteBlob } from './blobs.ts';
import type { Pool } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** Most bytes of one row. */
export const CHUNK_BYTES = 1024 * 1024;

/** `created_at` of an unfinished blob is moved on this often, so that a slow writer's is not taken for a dead one's. */
const SIGN_OF_LIFE_MS = 5 * 60_000;

/** Of the project. At least `expected` bytes will come: they are reserved before the first of them is read. */
export type Quota = { bytes: number; expected: number };

/** The source had more bytes than allowed; nothing of it is kept. */
export class BlobTooLargeError extends Error {
  override name = 'BlobTooLargeError';
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`The content has more than ${maxBytes} bytes.`);
    this.maxBytes = maxBytes;
  }
}

/**
 * Stores what `source` yields, at the pace of the database; content that fits in one row costs one round trip. When
 * anything fails, also the source, nothing is kept. Must not run inside a transaction: it may take as long as an upload.
 * @throws BlobTooLargeError; ApiError 400 before more than the quota is stored; or what the source threw
 */
export async function writeBlob(
  pool: Pool,
  projectId: ProjectId,
  source: AsyncIterable<Uint8Array>,
  options: { maxBytes: number; quota?: Quota | undefined },
): Promise<StoredBlob> {
  const hash = createHash('sha256');
  const writer = new BlobWriter(pool, projectId, options.quota?.bytes);
  const expected = options.quota?.expected ?? 0;
  let bytes = 0;
  // One chunk is held back: the last one is stored together with what is known only at the end.
  let held: Buffer | undefined;
  try {
    if (expected > CHUNK_BYTES) await writer.reserve(expected);
    for await (const chunk of inChunks(source, options.maxBytes)) {
      hash.update(chunk);
      bytes += chunk.length;
      if (held !== undefined) await writer.append(held);
      held = chunk;
    }
    const sha256 = hash.digest();
    return { id: await writer.finish(held, bytes, sha256), bytes, sha256 };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Pieces of any size in, chunks of exactly 1 MiB out, the last one shorter. */
async function* inChunks(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  let total = 0;
  for await (let piece of source) {
    total += piece.length;
    if (total > maxBytes) throw new BlobTooLargeError(maxBytes);
    while (size + piece.length >= CHUNK_BYTES) {
      const cut = CHUNK_BYTES - size;
      yield Buffer.concat([...pieces, piece.subarray(0, cut)]);
      pieces = [];
      size = 0;
      piece = piece.subarray(cut);
    }
    if (piece.length > 0) pieces.push(piece);
    size += piece.length;
  }
  if (size > 0) yield Buffer.concat(pieces);
}

/** The project $1, locked, if it may store $2 bytes more under its quota of $3. */
const ROOM = `room as (
  select id from projects where id = $1 and ($3::bigint is null or blob_bytes + row_bytes + $2::bigint <= $3::bigint)
  for no key update)`;

class BlobWriter {
  readonly #pool: Pool;
  readonly #projectId: ProjectId;
  readonly #quotaBytes: number | undefined;
  #id: number | undefined;
  #chunks = 0;
  #bytes = 0;
  #reserved = 0;
  #aliveAt = 0;

  /** Without `quotaBytes` a blob counts once it is finished. */
  constructor(pool: Pool, projectId: ProjectId, quotaBytes: number | undefined) {
    this.#pool = pool;
    this.#projectId = projectId;
    this.#quotaBytes = quotaBytes;
  }

  /** Has so many bytes counted in all. @throws ApiError 400 */
  async reserve(bytes: number): Promise<void> {
    this.#id ??= await this.#open();
    if (this.#quotaBytes === undefined || bytes <= this.#reserved) return;
    const rows = await query<{ id: number }>(
      this.#pool,
      'blobs.reserve',
      `with ${ROOM} update blobs b set reserved = b.reserved + $2 from room where b.id = $4 returning b.id`,
      [this.#projectId, bytes - this.#reserved, this.#quotaBytes, this.#id],
    );
    if (rows[0] === undefined) throw fileQuotaExceeded(this.#quotaBytes);
    this.#reserved = bytes;
  }

  /** Stores a chunk before the last. */
  async append(data: Buffer): Promise<void> {
    this.#bytes += data.length;
    await this.reserve(this.#bytes);
    await query(
      this.#pool,
      'blobs.append',
      'insert into blob_chunks (blob_id, n, data) values ($1, $2, $3)',
      [this.#id, this.#chunks++, data],
    );
    await this.#showLife();
  }

  /** The last chunk, undefined when there is no content at all. */
  async finish(data: Buffer | undefined, bytes: number, sha256: Buffer): Promise<number> {
    if (this.#id === undefined) return this.#writeWhole(data, bytes, sha256);
    await this.reserve(bytes);
    await query(
      this.#pool,
      'blobs.finish',
      `with chunk as (insert into blob_chunks (blob_id, n, data) values ($1, $2, $3))
       update blobs set bytes = $4, sha256 = $5, created_at = clock_timestamp() where id = $1`,
      [this.#id, this.#chunks, data, bytes, sha256],
    );
    return this.#id;
  }

  /** The collection does it when this cannot. */
  async discard(): Promise<void> {
    if (this.#id !== undefined) await deleteBlob(this.#pool, this.#id).catch(() => {});
  }

  async #open(): Promise<number> {
    this.#aliveAt = Date.now();
    const rows = await query<{ id: number }>(
      this.#pool,
      'blobs.open',
      'insert into blobs (project_id) values ($1) returning id',
      [this.#projectId],
    );
    return rows[0]!.id;
  }

  async #writeWhole(data: Buffer | undefined, bytes: number, sha256: Buffer): Promise<number> {
    const rows = await query<{ id: number }>(
      this.#pool,
      'blobs.write-whole',
      `with ${ROOM},
         blob as (insert into blobs (project_id, bytes, sha256) select id, $2, $4 from room returning id),
         chunk as (insert into blob_chunks (blob_id, n, data) select id, 0, $5::bytea from blob where $5::bytea is not null)
       select id from blob`,
      [this.#projectId, bytes, this.#quotaBytes ?? null, sha256, data ?? null],
    );
    if (rows[0] === undefined) throw fileQuotaExceeded(this.#quotaBytes ?? 0);
    return rows[0].id;
  }

  async #showLife(): Promise<void> {
    if (Date.now() - this.#aliveAt < SIGN_OF_LIFE_MS) return;
    this.#aliveAt = Date.now();
    await query(
      this.#pool,
      'blobs.alive',
      'update blobs set created_at = clock_timestamp() where id = $1',
      [this.#id],
    );
  }
}
