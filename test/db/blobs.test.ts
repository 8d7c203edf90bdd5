import { createHash, randomBytes } from 'node:crypto';

import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import {
  BlobGoneError,
  collectBlobs,
  deleteBlob,
  readBlob,
  releaseBlobs,
} from '../../db/blobs/blobs.ts';
import { BlobTooLargeError, CHUNK_BYTES, writeBlob } from '../../db/blobs/write-blob.ts';
import { createFileOfBlob } from '../../db/files/files.ts';
import type { Pool } from '../../db/core/pool.ts';
import { withTransaction } from '../../db/core/pool.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

const MAX = { maxBytes: 64 * CHUNK_BYTES };

let database: Database;
let pool: Pool;
beforeAll(async () => {
  database = await startDatabase();
  pool = database.pool;
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** `content` in pieces of `size` bytes. */
async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

const write = (content: Uint8Array, size = 65_536) =>
  writeBlob(pool, database.projectId, pieces(content, size), MAX);

async function read(id: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(pool, id)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function count(table: 'blobs' | 'blob_chunks'): Promise<number> {
  return (await pool.query(`select from ${table}`)).rowCount!;
}

const exists = async (id: number) =>
  (await pool.query('select from blobs where id = $1', [id])).rowCount === 1;

/** Statements that `work` sends through the pool. */
async function statements(work: (counted: Pool) => Promise<unknown>): Promise<number> {
  const query = vi.fn(pool.query);
  await work({ ...pool, query: query as unknown as Pool['query'] });
  return query.mock.calls.length;
}

test.each([
  { bytes: 0, size: 10 },
  { bytes: 50, size: 7 },
  { bytes: CHUNK_BYTES - 1, size: 65_536 },
  { bytes: CHUNK_BYTES, size: 65_536 },
  { bytes: CHUNK_BYTES + 1, size: 65_535 },
  { bytes: 3 * CHUNK_BYTES, size: CHUNK_BYTES },
  { bytes: 5 * CHUNK_BYTES + 17, size: 4 * CHUNK_BYTES },
])('keeps $bytes bytes that arrive $size at a time', async ({ bytes, size }) => {
  const content = randomBytes(bytes);
  const blob = await write(content, size);
  expect(blob.bytes).toBe(bytes);
  expect(blob.sha256).toEqual(createHash('sha256').update(content).digest());
  expect((await read(blob.id)).equals(content)).toBe(true);
  const { rows } = await pool.query<{ n: number; length: number }>(
    'select n, length(data) as length from blob_chunks where blob_id = $1 order by n',
    [blob.id],
  );
  const whole = Math.floor(bytes / CHUNK_BYTES);
  const rest = bytes % CHUNK_BYTES;
  expect(rows.map(({ length }) => length)).toEqual([
    ...Array.from({ length: whole }, () => CHUNK_BYTES),
    ...(rest > 0 ? [rest] : []),
  ]);
});

test('a small blob takes one round trip to write and one to read', async () => {
  let id = 0;
  const source = pieces(randomBytes(50), 50);
  const options = { maxBytes: CHUNK_BYTES };
  const written = async (counted: Pool) =>
    ({ id } = await writeBlob(counted, database.projectId, source, options));
  expect(await statements(written)).toBe(1);
  expect(await statements((counted) => readBlob(counted, id).next())).toBe(1);
});

test('content above the limit is refused without keeping any of it', async () => {
  const before = [await count('blobs'), await count('blob_chunks')];
  const source = pieces(randomBytes(3 * CHUNK_BYTES + 1), 65_536);
  const refused = writeBlob(pool, database.projectId, source, { maxBytes: 3 * CHUNK_BYTES });
  await expect(refused).rejects.toBeInstanceOf(BlobTooLargeError);
  const exact = pieces(randomBytes(3 * CHUNK_BYTES), 65_536);
  const { id } = await writeBlob(pool, database.projectId, exact, { maxBytes: 3 * CHUNK_BYTES });
  await deleteBlob(pool, id);
  expect([await count('blobs'), await count('blob_chunks')]).toEqual(before);
});

test('a source that fails leaves nothing behind, and its error is what the caller gets', async () => {
  const before = [await count('blobs'), await count('blob_chunks')];
  const cut = new Error('cut');
  async function* failing() {
    yield* pieces(randomBytes(2 * CHUNK_BYTES + 5), 65_536);
    throw cut;
  }
  await expect(writeBlob(pool, database.projectId, failing(), MAX)).rejects.toBe(cut);
  expect([await count('blobs'), await count('blob_chunks')]).toEqual(before);
});

test('takes from the source only as fast as it stores', async () => {
  let taken = 0;
  async function* source() {
    while (taken < 12) {
      taken += 1;
      yield randomBytes(CHUNK_BYTES);
    }
  }
  const client = await pool.connect();
  let writing;
  try {
    await client.query('begin; lock table blob_chunks in exclusive mode');
    writing = writeBlob(pool, database.projectId, source(), MAX);
    const waiting = async () => {
      const { rows } = await pool.query(
        `select from pg_locks where not granted and relation = 'blob_chunks'::regclass`,
      );
      return rows.length;
    };
    await expect.poll(waiting).toBe(1);
    expect(taken).toBe(2);
  } finally {
    await client.query('rollback');
    client.release();
  }
  await deleteBlob(pool, (await writing).id);
  expect(taken).toBe(12);
});

test('reading a blob that is deleted meanwhile fails instead of ending early', async () => {
  const { id } = await write(randomBytes(3 * CHUNK_BYTES));
  const reader = readBlob(pool, id);
  await reader.next();
  await deleteBlob(pool, id);
  await expect(reader.next()).rejects.toBeInstanceOf(BlobGoneError);
  await expect(read(id)).rejects.toBeInstanceOf(BlobGoneError);
});

test('an unfinished blob cannot be read', async () => {
  const { rows } = await pool.query<{ id: number }>(
    'insert into blobs (project_id) values ($1) returning id',
    [database.projectId],
  );
  await expect(read(rows[0]!.id)).rejects.toBeInstanceOf(BlobGoneError);
});

/** Each makes a row that refers to the blob, and gives the statement that removes it. */
const REFERRERS: [string, (blobId: number) => Promise<string>][] = [
  [
    'a file',
    async (blobId) => {
      const fields = { filename: 'a.txt', purpose: 'assistants' as const, blobId, bytes: 1 };
      const { id } = await withTransaction(pool, (tx) =>
        createFileOfBlob(tx, database.projectId, fields),
      );
      return `delete from files where id = '${id}'`;
    },
  ],
  [
    'a part of an upload',
    async (blobId) => {
      await pool.query(
        `insert into uploads (id, project_id, created_at, expires_at, status, filename, purpose, mime_type, bytes)
         values ('upload_1', $1, 0, 0, 'pending', 'a', 'assistants', 'text/plain', 1)`,
        [database.projectId],
      );
      await pool.query(
        `insert into upload_parts (id, upload_id, created_at, bytes, blob_id) values ('part_1', 'upload_1', 0, 1, $1)`,
        [blobId],
      );
      return `delete from uploads where id = 'upload_1'`;
    },
  ],
  [
    'variables of a Python session',
    async (blobId) => {
      const { run } = await database.queueRun();
      await pool.query(
        'insert into interpreters (thread_id, project_id, namespace_blob_id) values ($1, $2, $3)',
        [run.thread_id, database.projectId, blobId],
      );
      return `delete from threads where id = '${run.thread_id}'`;
    },
  ],
  [
    'a file of a Python session',
    async (blobId) => {
      const { run } = await database.queueRun();
      await pool.query('insert into interpreters (thread_id, project_id) values ($1, $2)', [
        run.thread_id,
        database.projectId,
      ]);
      await pool.query(
        `insert into interpreter_files (thread_id, path, bytes, blob_id) values ($1, 'a', 1, $2)`,
        [run.thread_id, blobId],
      );
      return `delete from threads where id = '${run.thread_id}'`;
    },
  ],
];

test.for(REFERRERS)('a blob lives as long as %s refers to it', async ([, refer]) => {
  await collectBlobs(pool, 0);
  const { id } = await write(Buffer.from('x'));
  const remove = await refer(id);
  const release = () => withTransaction(pool, (tx) => releaseBlobs(tx, [id]));
  expect(await release()).toBe(0);
  expect(await collectBlobs(pool, 0)).toBe(0);
  expect((await read(id)).toString()).toBe('x');
  await pool.query(remove);
  expect(await release()).toBe(1);
  expect(await exists(id)).toBe(false);
});

test('collects what nobody refers to once it has been quiet for an hour', async () => {
  await collectBlobs(pool, 0);
  const age = (id: number, minutes: number) =>
    pool.query(
      `update blobs set created_at = clock_timestamp() - $2 * interval '1 minute' where id = $1`,
      [id, minutes],
    );
  const { rows } = await pool.query<{ id: number }>(
    'insert into blobs (project_id) values ($1), ($1) returning id',
    [database.projectId],
  );
  const [unfinished, underWay] = rows.map(({ id }) => Number(id)) as [number, number];
  const [orphan, fresh] = [await write(randomBytes(10)), await write(randomBytes(10))];
  await age(unfinished, 61);
  await age(underWay, 59);
  await age(orphan.id, 61);
  await age(fresh.id, 59);
  expect(await collectBlobs(pool)).toBe(2);
  const left = [unfinished, underWay, orphan.id, fresh.id].map(exists);
  expect(await Promise.all(left)).toEqual([false, true, false, true]);
});

test('a blob that is given a referrer while it is being collected is kept or refused, never lost', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { id } = await write(Buffer.from('race'));
    const file = { filename: 'a', purpose: 'vision' as const, blobId: id, bytes: 4 };
    const [created] = await Promise.all([
      withTransaction(pool, (tx) => createFileOfBlob(tx, database.projectId, file)).then(
        () => true,
        (error: { code: string }) => {
          expect(error.code).toBe('23503');
          return false;
        },
      ),
      collectBlobs(pool, 0),
    ]);
    expect(await exists(id)).toBe(created);
    if (created) expect((await read(id)).toString()).toBe('race');
  }
});
