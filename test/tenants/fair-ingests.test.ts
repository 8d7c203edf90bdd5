/** Files of one project beside any number of another's. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type OpenAI from 'openai';
import { toFile } from 'openai';

import { takeDueDeliveries } from '../../db/core/deliveries.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { inProject, inWholeDatabase } from '../../db/core/row-scope.ts';
import { changeLimits } from '../../db/projects/limits.ts';
import { addFiles } from '../../db/vector-stores/vector-store-files.ts';
import type { FileId, ProjectId } from '../../wire/ids.ts';
import { createProject, startDatabase } from '../db/database.ts';
import { Environment } from '../support/environment.ts';
import { newFile, newStore } from '../support/indexed-file.ts';
import { countBlocked } from './support.ts';
import { PDFS } from '../retrieval/support/hostile-pdfs.ts';

const SLOW = 10;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { ingestSlots: 1, parseSeconds: 5 } });
  await env.pool.query(`
    create table statements (n bigserial);
    create function note() returns trigger language plpgsql security definer as $$ begin
      insert into statements default values; return null; end $$;
    create trigger note after insert on chunks for each statement execute function note()`);
});
afterAll(() => env[Symbol.asyncDispose]());

const upload = async (client: OpenAI, content: string) =>
  (
    await client.files.create({
      file: await toFile(Buffer.from(content), 'notes.txt'),
      purpose: 'assistants',
    })
  ).id;

const settled = (client: OpenAI, stores: { id: string }[]) =>
  expect
    .poll(
      async () => {
        const found = await Promise.all(stores.map(({ id }) => client.vectorStores.retrieve(id)));
        return found.filter(({ file_counts: { completed } }) => completed === 0).length;
      },
      { timeout: 60_000, interval: 200 },
    )
    .toBe(0);

test('one file in many stores is parsed once', async () => {
  const line = (n: number) => `Line ${n} of a book about the weather, which was mild.\n`;
  const book = await upload(env.client, Array.from({ length: 4_000 }, (_, n) => line(n)).join(''));
  const stores = [];
  for (let n = 0; n < 30; n++) {
    stores.push(await env.client.vectorStores.create({ file_ids: [book] }));
  }
  await env.startWorker();
  await settled(env.client, stores);
  const [document, ...more] = (await env.pool.query('select chunk_count from documents')).rows;
  expect(more).toEqual([]);
  const { chunk_count: chunks } = document as { chunk_count: number };
  const statements = await env.pool.query('select n from statements');
  expect(statements.rows).toHaveLength(Math.ceil(chunks / 64));
});

test('a file completes while the copies of another one wait for their document', async () => {
  const copied = await upload(env.client, 'A note in many stores.');
  await settled(env.client, [await env.client.vectorStores.create({ file_ids: [copied] })]);
  const lock = await env.pool.connect();
  await lock.query('begin; select from documents for update');
  const stores: { id: string }[] = [];
  for (let n = 0; n < 30; n++) {
    stores.push(await env.client.vectorStores.create({ file_ids: [copied] }));
  }
  await expect.poll(() => countBlocked(env.pool), { timeout: 30_000 }).toBe(4);
  const other = await env.otherClient();
  const note = await upload(other, 'Another note.');
  await settled(other, [await other.vectorStores.create({ file_ids: [note] })]);
  expect(await countBlocked(env.pool)).toBe(4);
  await lock.query('rollback');
  lock.release();
  await settled(env.client, stores);
});

test('a file is one of the next, however many slow files of another project wait', async () => {
  const [, extension, make] = PDFS.find(([name]) => name === 'a million open states')!;
  const file = await toFile(Buffer.from(make()), `slow.${extension}`);
  const slow = await env.client.files.create({ file, purpose: 'assistants' });
  const stores: { id: string }[] = [];
  for (let n = 0; n < SLOW; n++) {
    const store = await env.client.vectorStores.create({});
    // A document of its own each.
    const sizes = { max_chunk_size_tokens: 800 + n, chunk_overlap_tokens: 0 };
    const chunking_strategy = { type: 'static' as const, static: sizes };
    await env.client.vectorStores.files.create(store.id, { file_id: slow.id, chunking_strategy });
    stores.push(store);
  }
  const other = await env.otherClient();
  const note = await upload(other, 'A note of another project.');
  await settled(other, [await other.vectorStores.create({ file_ids: [note] })]);
  const found = await Promise.all(stores.map(({ id }) => env.client.vectorStores.retrieve(id)));
  const waiting = found.filter(({ file_counts }) => file_counts.in_progress > 0);
  expect(waiting.length).toBeGreaterThan(SLOW / 2);
});

test('a file of another project starts at once while Temporal holds all that a project may have', async () => {
  await using database = await startDatabase();
  const { pool } = database;
  const [a, b] = [database.projectId, (await createProject(database.url, 'sk-b')).project];
  const add = async (projectId: ProjectId, count: number) => {
    const storeId = await newStore(pool, projectId);
    const ids: FileId[] = [];
    for (let n = 0; n < count; n++) ids.push(await newFile(pool, projectId, `${n}.txt`, 'text'));
    const files = ids.map((file_id) => ({
      file_id,
      attributes: {},
      max_chunk_tokens: 800,
      chunk_overlap_tokens: 400,
    }));
    return withTransaction(pool, (tx) => addFiles(tx, { projectId, storeId }, files));
  };
  const addTo = (project: ProjectId, count: number) =>
    inProject(project, () => add(project, count));
  const accept = (ids: number[]) =>
    inWholeDatabase(() => pool.query('delete from deliveries where id = any($1::bigint[])', [ids]));
  const startDue = async () => {
    const due = await inWholeDatabase(() => takeDueDeliveries(pool, 200));
    await accept(due.map(({ id }) => id));
    return due.map(({ payload }) => ('projectId' in payload ? payload.projectId : ''));
  };

  const direct = await addTo(a, 100);
  expect(direct).toHaveLength(16);
  await accept(direct.map(({ id }) => id));
  expect(await startDue()).toHaveLength(64 - 16);
  expect(await startDue()).toEqual([]);
  expect(await addTo(b, 1)).toHaveLength(1);
  // A project's own limit.
  await database.admin.query('delete from deliveries');
  await database.admin.query(`update vector_store_files set status = 'failed'`);
  await changeLimits(database.admin, { project: b }, { ingests_at_once: 3 });
  const limited = await addTo(b, 2);
  await accept(limited.map(({ id }) => id));
  expect(await addTo(b, 2)).toHaveLength(1);
  await database.admin.query(`update deliveries set next_attempt_at = clock_timestamp()`);
  expect(await startDue()).toHaveLength(1);
  await changeLimits(database.admin, { project: b }, { ingests_at_once: null });
  // Where as many wait as may start, the project with the fewest is next.
  await database.admin.query('delete from deliveries');
  await database.admin.query(`update vector_store_files set status = 'failed'`);
  await addTo(a, 40);
  await addTo(a, 40);
  await addTo(b, 20);
  await database.admin.query(`update deliveries set next_attempt_at = clock_timestamp()`);
  const due = await inWholeDatabase(() => takeDueDeliveries(pool, 20));
  const first = due.map(({ payload }) => ('projectId' in payload ? payload.projectId : ''));
  expect(first.filter((id) => id === b)).toHaveLength(10);
});
