/** Files of one project beside any number of another's. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type OpenAI from 'openai';
import { toFile } from 'openai';

import { takeDueDeliveries } from '../../db/core/deliveries.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { addFiles } from '../../db/vector-stores/vector-store-files.ts';
import type { FileId, ProjectId } from '../../wire/ids.ts';
import { startDatabase } from '../db/database.ts';
import { Environment } from '../support/environment.ts';
import { newFile, newStore } from '../support/indexed-file.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { ingestSlots: 1 } });
  // Rows of chunks in the order in which they are stored, and statements that store some.
  await env.pool.query(`
    create table stored (n bigserial, document_id bigint);
    create table statements (n bigserial);
    create function note() returns trigger language plpgsql as $$ begin
      if tg_level = 'ROW' then insert into stored (document_id) values (new.document_id); return new; end if;
      insert into statements default values; return null; end $$;
    create trigger note_row before insert on chunks for each row execute function note();
    create trigger note_statement after insert on chunks for each statement execute function note()`);
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

test('a file is one of the next, and one file in many stores is parsed once', async () => {
  const other = await env.otherClient();
  const line = (n: number) => `Line ${n} of a book about the weather, which was mild.\n`;
  const book = Array.from({ length: 4_000 }, (_, n) => line(n)).join('');
  const same = await upload(env.client, book);
  const stores = [];
  for (let n = 0; n < 30; n++) {
    stores.push(await env.client.vectorStores.create({ file_ids: [same] }));
  }
  for (let n = 0; n < 10; n++) {
    const file = await upload(env.client, line(n));
    stores.push(await env.client.vectorStores.create({ file_ids: [file] }));
  }
  const file = await upload(other, 'A note of another project.');
  const store = await other.vectorStores.create({ file_ids: [file] });
  await env.startWorker();
  await settled(other, [store]);
  await settled(env.client, stores);

  const { rows } = await env.pool.query<{ project_id: string; chunks: number }>(
    `select d.project_id, d.chunk_count as chunks from documents d
     join (select document_id, min(n) as first from stored group by 1) s on s.document_id = d.id order by first`,
  );
  expect(rows).toHaveLength(12);
  const [{ project_id: projectOfB } = { project_id: '' }] = (
    await env.pool.query<{ project_id: string }>('select project_id from files where id = $1', [
      file,
    ])
  ).rows;
  expect(rows.findIndex(({ project_id }) => project_id === projectOfB)).toBeLessThanOrEqual(2);
  const statements = await env.pool.query('select n from statements');
  const once = rows.reduce((sum, { chunks }) => sum + Math.ceil(chunks / 64), 0);
  expect(statements.rows).toHaveLength(once);
});

test('a file of another project starts at once while Temporal holds all that a project may have', async () => {
  await using database = await startDatabase();
  const { pool } = database;
  await createApiKey(pool, { projectName: 'b', name: 'test' });
  const { rows } = await pool.query<{ id: ProjectId }>('select id from projects');
  const [a, b] = [database.projectId, rows.find(({ id }) => id !== database.projectId)!.id];
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
  const accept = (ids: number[]) =>
    pool.query('delete from deliveries where id = any($1::bigint[])', [ids]);
  const startDue = async () => {
    const due = await takeDueDeliveries(pool, 200);
    await accept(due.map(({ id }) => id));
    return due.map(({ payload }) => ('projectId' in payload ? payload.projectId : ''));
  };

  const direct = await add(a, 100);
  expect(direct).toHaveLength(16);
  await accept(direct.map(({ id }) => id));
  expect(await startDue()).toHaveLength(64 - 16);
  expect(await startDue()).toEqual([]);
  expect(await add(b, 1)).toHaveLength(1);
  // Where as many wait as may start, the project with the fewest is next.
  await pool.query('delete from deliveries');
  await pool.query(`update vector_store_files set status = 'failed'`);
  await add(a, 40);
  await add(a, 40);
  await add(b, 20);
  await pool.query(`update deliveries set next_attempt_at = clock_timestamp()`);
  const first = (await takeDueDeliveries(pool, 20)).map(({ payload }) =>
    'projectId' in payload ? payload.projectId : '',
  );
  expect(first.filter((id) => id === b)).toHaveLength(10);
});
