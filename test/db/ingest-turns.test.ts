/** In which order files that wait are ingested, while Temporal holds as many as it may. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { FileId, VectorStoreId } from '../../wire/ids.ts';
import { takeDueDeliveries } from '../../db/core/deliveries.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { addFiles } from '../../db/vector-stores/vector-store-files.ts';
import { addFile, ingestAs, newFile, newStore } from '../support/indexed-file.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** One request with new files for a new store, which it names. */
async function request(files: number): Promise<VectorStoreId> {
  const { pool, projectId } = database;
  const store = await newStore(pool, projectId);
  const ids: FileId[] = [];
  for (let n = 0; n < files; n++) ids.push(await newFile(pool, projectId, `${n}.txt`, 'text'));
  const added = ids.map((file_id) => ({
    file_id,
    attributes: {},
    max_chunk_tokens: 800,
    chunk_overlap_tokens: 400,
  }));
  await withTransaction(pool, (tx) => addFiles(tx, { projectId, storeId: store }, added));
  return store;
}

/** Temporal takes the next ones, as it does when as many have ended; their stores, in order. */
async function startNext(count: number): Promise<string[]> {
  const started: string[] = [];
  for (let n = 0; n < count; n++) {
    await database.pool.query(
      `update vector_store_files set status = 'failed' where seq in (
         select seq from vector_store_files f where status = 'in_progress'
           and not exists (select from deliveries d where (d.payload->>'seq')::bigint = f.seq) order by seq limit 1)`,
    );
    const [delivery] = await takeDueDeliveries(database.pool, 1);
    if (delivery?.payload.kind !== 'ingest') throw new Error('Nothing starts.');
    await accept(delivery.id);
    started.push(delivery.payload.vectorStoreId);
  }
  return started;
}

/** Temporal has it. */
async function accept(id: number): Promise<void> {
  await database.pool.query('delete from deliveries where id = $1', [id]);
}

test('requests take turns, and a file that comes alone is next', async () => {
  const many = await request(100);
  const { rows } = await database.pool.query<{ id: number }>(
    'select id from deliveries order by id limit 64',
  );
  for (const { id } of rows) await accept(id);
  const alone = await request(1);
  const few = await request(3);
  expect(await startNext(3)).toEqual([many, many, alone]);
  expect(await startNext(5)).toEqual([few, many, few, many, few]);
  const late = await request(2);
  expect(await startNext(5)).toEqual([many, many, late, many, late]);
});

test('four copies of a file start, and the first that ends completes the others', async () => {
  const { pool, projectId } = database;
  await pool.query('delete from deliveries');
  await pool.query(`update vector_store_files set status = 'failed'`);
  const file = await newFile(pool, projectId, 'copied.txt', 'A note.');
  const seqs: number[] = [];
  for (let n = 0; n < 20; n++) {
    seqs.push(await addFile(pool, projectId, await newStore(pool, projectId), file, {}));
  }
  const due = `select (payload->>'seq')::integer as seq from deliveries where next_attempt_at <= clock_timestamp() order by seq`;
  const waiting = async () => (await pool.query<{ seq: number }>(due)).rows.map(({ seq }) => seq);
  expect(await waiting()).toEqual(seqs.slice(4));
  await pool.query(`delete from deliveries where next_attempt_at > clock_timestamp()`);
  expect(await takeDueDeliveries(pool, 50)).toEqual([]);
  await pool.query(`update vector_store_files set status = 'failed' where seq = $1`, [seqs[0]]);
  const [next, ...more] = await takeDueDeliveries(pool, 50);
  expect(more).toEqual([]);
  expect(next!.payload).toMatchObject({ seq: seqs[4] });

  const text = 'A note.';
  await ingestAs(pool, seqs[1]!, {
    filename: 'copied.txt',
    attributes: {},
    words: 'english',
    chunks: [
      {
        ordinal: 0,
        text,
        headings: [],
        tableHeader: null,
        page: null,
        start: 0,
        end: 7,
        tokens: 3,
      },
    ],
    vectors: [Float32Array.of(1, 0)],
    model: 'm',
  });
  const stored = await pool.query(
    `select f.status, f.usage_bytes, count(c.*)::integer as codes from vector_store_files f
     left join chunk_codes c on c.store_file = f.seq where f.seq = any($1) group by f.seq order by f.seq`,
    [seqs],
  );
  const completed = { status: 'completed', usage_bytes: 15, codes: 1 };
  expect(stored.rows.slice(1)).toEqual(seqs.slice(1).map(() => completed));
  expect((await pool.query('select from deliveries')).rows).toEqual([]);
});
