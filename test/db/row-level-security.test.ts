/** The second wall between projects: what statements without a condition on the project see and change. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { weaknessOfRole } from '../../db/core/app-role.ts';
import { BY_PLACE } from '../../db/core/list-page.ts';
import type { Pool } from '../../db/core/pool.ts';
import { createPool, query, withTransaction } from '../../db/core/pool.ts';
import { inProject, inWholeDatabase, narrowTo } from '../../db/core/row-scope.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { Database } from './database.ts';
import { createProject, startDatabase } from './database.ts';

/** Without rows of projects. */
const SHARED = ['migrations', 'model_rates', 'passes', 'upstream_batches'];
/** Their owner reads these through views, so that their indexes are used. */
const WITH_VIEWS = ['chunks', 'idempotency_keys', 'message_words'];

let database: Database;
/** The role of the API and the worker, without a scope of its own. */
let pool: Pool;
let other: ProjectId;

beforeAll(async () => {
  database = await startDatabase();
  pool = createPool(database.url, { max: 2, applicationName: 'threadmill-test' });
  other = (await createProject(database.url, 'sk-other')).project;
  await database.queueRun();
});
afterAll(async () => {
  await pool.end();
  await database[Symbol.asyncDispose]();
});

const ownRuns = () =>
  query<{ project_id: string }>(pool, 'test.runs', 'select project_id from runs');
const tables = (condition: string) =>
  database.admin.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and ${condition} order by 1`,
  );
const namesOf = ({ rows }: { rows: { name: string }[] }) => rows.map(({ name }) => name);

test('every table but the shared ones has the policy, and its owner cannot get around it', async () => {
  const policy = `exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'project' and p.polcmd = '*'
    and pg_get_expr(p.polqual, p.polrelid) ~ 'current_project\\(\\)')`;
  const bare = await tables(`not (relispartition or relrowsecurity and ${policy})`);
  expect(namesOf(bare)).toEqual(SHARED);
  const unforced = await tables(`not (relispartition or relforcerowsecurity)`);
  expect(namesOf(unforced)).toEqual([...WITH_VIEWS, ...SHARED].toSorted());
});

test('no partition can be read by its own name', async () => {
  const open = `relispartition and not (relrowsecurity and relforcerowsecurity
    and not exists (select from pg_policy p where p.polrelid = c.oid))`;
  expect(namesOf(await tables(open))).toEqual([]);
  const parts = namesOf(await tables(`relispartition and relname ~ '^run_events'`));
  const counts = await inWholeDatabase(() =>
    Promise.all(parts.map((name) => pool.query(`select from ${name}`))),
  );
  expect(counts.map(({ rowCount }) => rowCount)).toEqual(parts.map(() => 0));
});

test('a statement sees its project, another project nothing, and the whole database all', async () => {
  expect(await inProject(database.projectId, ownRuns)).toHaveLength(1);
  expect(await inProject(other, ownRuns)).toEqual([]);
  expect(await inWholeDatabase(ownRuns)).toHaveLength(1);
});

test('a statement without a scope sees no row and inserts none, also after one with a scope', async () => {
  await inProject(database.projectId, ownRuns);
  expect(await ownRuns()).toEqual([]);
  expect(await withTransaction(pool, (tx) => query(tx, 'test.all', 'select from threads'))).toEqual(
    [],
  );
  const changed = await pool.query('update runs set status = status');
  expect(changed.rowCount).toBe(0);
  for (const project of [database.projectId, '', '*']) {
    const refused = pool.query('insert into blobs (project_id) values ($1)', [project]);
    await expect(refused).rejects.toThrow('row-level security');
  }
  const refused = pool.query(
    `insert into deliveries (run_id, kind, payload) values ('r', 'cancel', '{}')`,
  );
  await expect(refused).rejects.toThrow('row-level security');
});

test.each(['assistants', 'threads', 'files', 'vector_stores'])(
  'a page of %s begins at its cursor in the index, behind the wall too',
  async (table) => {
    const page = `select id from ${table} where project_id = '${other}' and ${BY_PLACE} < 'x' order by ${BY_PLACE} desc limit 1`;
    const plan = await inProject(other, () =>
      withTransaction(pool, async (tx) => {
        await tx.query('set local enable_seqscan = off');
        await tx.query('set local enable_bitmapscan = off');
        return tx.query<{ 'QUERY PLAN': string }>(`explain ${page}`);
      }),
    );
    const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain(`using ${table}_by_list_place`);
    expect(text).toMatch(/Index Cond: .*list_place/);
    expect(text).not.toContain('Sort');
  },
);

test('no statement writes a row of another project or moves one there', async () => {
  await inProject(other, async () => {
    const insert = pool.query('insert into blobs (project_id) values ($1)', [database.projectId]);
    await expect(insert).rejects.toThrow('row-level security');
    expect((await pool.query('delete from runs')).rowCount).toBe(0);
  });
  const move = () => pool.query('update threads set project_id = $1', [other]);
  await expect(inProject(database.projectId, move)).rejects.toThrow('row-level security');
});

test('a transaction on the whole database can go on in one project', async () => {
  const seen = await inWholeDatabase(() =>
    withTransaction(pool, async (tx) => {
      const before = await query(tx, 'test.before', 'select from runs');
      await narrowTo(tx, other);
      return [before.length, (await query(tx, 'test.after', 'select from runs')).length];
    }),
  );
  expect(seen).toEqual([1, 0]);
});

test('a scope is a value, whatever it holds', async () => {
  const hostile = `x'; select set_config('threadmill.scope', '*', true); --` as ProjectId;
  expect(await inProject(hostile, ownRuns)).toEqual([]);
  const inTransaction = () =>
    withTransaction(pool, (tx) => query(tx, 'test.hostile', 'select from runs'));
  expect(await inProject(hostile, inTransaction)).toEqual([]);
});

test('the words of other projects and their answers stay unseen through the views', async () => {
  const values = [database.projectId, Buffer.alloc(1)];
  await inProject(database.projectId, () =>
    pool.query(
      `insert into idempotency_keys (project_id, key, request_hash, response) values ($1, 'k', $2, '{}')`,
      values,
    ),
  );
  const answers = () => pool.query('select from stored_answers');
  expect((await inProject(database.projectId, answers)).rowCount).toBe(1);
  expect((await inProject(other, answers)).rowCount).toBe(0);
  expect((await answers()).rowCount).toBe(0);
});

test('the role owns nothing, defines nothing, and no bypass is granted to it', async () => {
  expect(await weaknessOfRole(pool)).toBeUndefined();
  expect(await weaknessOfRole(database.admin)).toContain('is exempt from row-level security');
  for (const statement of [
    'drop table runs',
    'create table t ()',
    'alter table runs disable row level security',
    'truncate runs',
  ]) {
    await expect(pool.query(statement)).rejects.toMatchObject({ code: '42501' });
  }
});

test('a statement that fails leaves the connection in order', async () => {
  await inProject(database.projectId, async () => {
    for (const wrong of ['select 1/0', 'select nothing from runs', 'selekt']) {
      await expect(query(pool, `test.${wrong}`, wrong)).rejects.toThrow();
      // Not as a prepared statement that is missing: it was never prepared.
      await expect(query(pool, `test.${wrong}`, wrong)).rejects.not.toMatchObject({
        code: '26000',
      });
    }
    expect(await ownRuns()).toHaveLength(1);
  });
});
