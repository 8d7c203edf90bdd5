/** Deletion of a whole project, and of threads and runs that are old. */
import { randomUUID } from 'node:crypto';

import type OpenAI from 'openai';
import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Pool } from '../../db/core/pool.ts';
import { createPool } from '../../db/core/pool.ts';
import { WHOLE_DATABASE } from '../../db/core/row-scope.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { eraseClosedProjects } from '../../db/projects/erase-project.ts';
import { deleteIdleThreads, deleteOldRuns } from '../../db/threads/retention.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';

let env: Environment;
let admin: OpenAI;
/** As the worker's: a role that row-level security holds. */
let pool: Pool;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
  admin = env.clientFor(
    await createApiKey(env.pool, { projectName: 'operators', name: 'admin', scopes: SCOPES }),
  );
  pool = createPool(env.databaseUrl, {
    max: 2,
    applicationName: 'threadmill-test',
    scope: WHOLE_DATABASE,
  });
});
afterAll(async () => {
  await pool.end();
  await env[Symbol.asyncDispose]();
});

/** A project with an object of every kind, and a run that waits for its function. */
async function newTenant() {
  const projectName = randomUUID();
  const client = env.clientFor(await createApiKey(env.pool, { projectName, name: 'test' }));
  const found = await env.pool.query<{ id: string }>('select id from projects where name = $1', [
    projectName,
  ]);
  const id = found.rows[0]!.id;
  const model = `m-${randomUUID()}`;
  await client.webhooks.create({
    name: 'hooks',
    url: 'https://hooks.invalid/',
    event_types: ['file.processed' as 'batch.completed'],
  });
  const file = await client.files.create({
    file: await toFile(Buffer.from(`Words of ${id}.`), 'a.txt'),
    purpose: 'assistants',
  });
  const store = await client.vectorStores.create({ file_ids: [file.id] });
  await eventually(async () =>
    expect((await client.vectorStores.retrieve(store.id)).file_counts.completed).toBe(1),
  );
  const upload = await client.uploads.create({
    bytes: 3,
    filename: 'b.txt',
    mime_type: 'text/plain',
    purpose: 'assistants',
  });
  await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from('abc'), 'part') });
  const lines = await client.files.create({
    file: await toFile(Buffer.from('not a line\n'), 'lines.jsonl'),
    purpose: 'batch',
  });
  const { id: batch } = await client.batches.create({
    input_file_id: lines.id,
    endpoint: '/v1/threads/runs' as '/v1/chat/completions',
    completion_window: '24h',
  });
  await eventually(async () =>
    expect((await client.batches.retrieve(batch)).status).toBe('failed'),
  );
  const tools = [
    { type: 'code_interpreter' as const },
    { type: 'function' as const, function: { name: 'ask' } },
  ];
  const assistant = await client.beta.assistants.create({
    model,
    tools,
    tool_resources: { code_interpreter: { file_ids: [file.id] } },
  });
  const ended = await client.beta.threads.create(
    { messages: [{ role: 'user', content: `Hello ${id}` }] },
    { idempotencyKey: randomUUID() },
  );
  env.model.script(
    model,
    toolCalls([
      { name: 'code_interpreter', arguments: { code: 'open("made", "w").write("x"); x = 1' } },
    ]),
    text('Done.'),
  );
  const run = await client.beta.threads.runs.createAndPoll(ended.id, {
    assistant_id: assistant.id,
  });
  expect(run.status).toBe('completed');
  const waiting = await client.beta.threads.create({
    messages: [{ role: 'user', content: 'Hello' }],
  });
  env.model.script(model, toolCalls([{ name: 'ask', arguments: {} }]));
  const open = await client.beta.threads.runs.createAndPoll(waiting.id, {
    assistant_id: assistant.id,
  });
  expect(open.status).toBe('requires_action');
  await client.files.delete(
    (
      await client.files.create({
        file: await toFile(Buffer.from('gone'), 'gone.txt'),
        purpose: 'assistants',
      })
    ).id,
  );
  return {
    id,
    projectName,
    client,
    ids: [
      id,
      file.id,
      store.id,
      upload.id,
      assistant.id,
      ended.id,
      run.id,
      waiting.id,
      open.id,
      batch,
    ],
  };
}

/** Rows of every table that name one of `ids` anywhere. */
async function rowsNaming(ids: readonly string[]): Promise<Record<string, number>> {
  const tables = await env.pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables.rows) {
    const { rows } = await env.pool.query<{ count: number }>(
      `select count(*)::int as count from ${name} t where t::text like any($1::text[])`,
      [ids.map((id) => `%${id}%`)],
    );
    if (rows[0]!.count > 0) counts[name] = rows[0]!.count;
  }
  return counts;
}

test('a deleted project leaves no row in any table, and the project beside it keeps each of its rows', async () => {
  const [gone, kept] = [await newTenant(), await newTenant()];
  // A worker has the words of the messages by then, and not only notes that they are to be read.
  await eventually(async () => {
    const { unindexed_messages, deliveries } = await rowsNaming([...gone.ids, ...kept.ids]);
    expect({ unindexed_messages, deliveries }).toEqual({});
  });
  // Counts of requests are written in rows of their own, up to 5 s after the request.
  const late = { usage_changes: expect.any(Number) };
  const [all, rest] = [
    { ...(await rowsNaming(gone.ids)), ...late },
    { ...(await rowsNaming(kept.ids)), ...late },
  ];
  expect(Object.keys(all).length).toBeGreaterThan(20);
  const path = `/threadmill/projects/${gone.id}`;
  const dry = await admin.delete<object>(`${path}?dry_run=true`);
  expect(dry).toMatchObject({
    deleted: false,
    content: { assistants: 1, threads: 2, runs: 2, vector_stores: 1 },
  });
  const { bytes } = (dry as { content: { bytes: number } }).content;
  // The content of its file, its upload and its batch.
  expect(bytes).toBeGreaterThan(40);
  await expect(admin.delete(`${path}?dry_run`)).rejects.toMatchObject({
    status: 400,
    param: 'dry_run',
  });
  expect(await rowsNaming(gone.ids)).toEqual(all);

  expect(await admin.delete(path)).toEqual({
    id: gone.id,
    object: 'organization.project.deleted',
    deleted: true,
  });
  expect(await admin.get(path)).toMatchObject({
    status: 'deleting',
    archived_at: expect.any(Number),
  });
  await eventually(async () => expect(await statusOf(gone.client.files.list())).toBe(401));
  await eventually(async () => {
    await eraseClosedProjects(pool, 0);
    expect(await statusOf(admin.get(path))).toBe(404);
    expect(await rowsNaming(gone.ids)).toEqual({ audit_events: 1 });
  });
  expect(await statusOf(admin.delete(path))).toBe(404);
  expect(await rowsNaming(kept.ids)).toEqual(rest);
  const audited = await env.pool.query('select type from audit_events where project_id = $1', [
    gone.id,
  ]);
  expect(audited.rows).toEqual([{ type: 'project.deleted' }]);
  await admin.post('/threadmill/projects', { body: { name: gone.projectName } });
});

test('only an administrator deletes projects and asks for the retention', async () => {
  const { id, client } = await newTenant();
  expect(await statusOf(client.delete(`/threadmill/projects/${id}`))).toBe(403);
  expect(await statusOf(client.get('/threadmill/retention'))).toBe(403);
  expect((await client.files.list()).data).toHaveLength(2);
});

test('threads that nobody has used are deleted after their days, and no other thread', async () => {
  const { client } = env;
  const threads = async (count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        client.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] }),
      ),
    );
  const [idle, talking, running, fresh] = (await threads(4)).map(({ id }) => id);
  const model = `m-${randomUUID()}`;
  const assistant = await client.beta.assistants.create({
    model,
    tools: [{ type: 'function', function: { name: 'ask' } }],
  });
  env.model.script(model, toolCalls([{ name: 'ask', arguments: {} }]));
  await client.beta.threads.runs.createAndPoll(running!, { assistant_id: assistant.id });
  await age('threads', 'id', [idle, talking, running]);
  await age('messages', 'thread_id', [idle, running]);
  await age('runs', 'thread_id', [running]);

  const asked = await admin.get('/threadmill/retention?thread_ttl_days=30');
  expect(asked).toMatchObject({ thread_ttl_days: 30, run_ttl_days: 0, threads: 1, runs: 0 });
  await deleteIdleThreads(pool, 0);
  expect(await statusOf(client.beta.threads.retrieve(idle!))).toBe(200);
  await deleteIdleThreads(pool, 30);
  const left = [idle, talking, running, fresh].map((id) =>
    statusOf(client.beta.threads.retrieve(id!)),
  );
  expect(await Promise.all(left)).toEqual([404, 200, 200, 200]);
  // What is in use is not looked at again before its days are over.
  const { rows } = await env.pool.query(
    'select id from threads where last_active_at is not null order by id',
  );
  expect(new Set(rows.map(({ id }) => id as string))).toEqual(new Set([talking, running]));
});

test('runs that have ended are deleted after their days, and their messages stay', async () => {
  const { client } = env;
  const model = `m-${randomUUID()}`;
  const assistant = await client.beta.assistants.create({ model });
  const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'Hi' }] });
  const ids: string[] = [];
  for (let count = 0; count < 3; count++) {
    env.model.script(model, text(`Answer ${count}`));
    const run = await client.beta.threads.runs.createAndPoll(thread.id, {
      assistant_id: assistant.id,
    });
    ids.push(run.id);
  }
  const [oldest, middle, newest] = ids;
  await env.pool.query(`update runs set created_at = created_at - 90 * 86400 where id = any($1)`, [
    [oldest, middle],
  ]);
  expect(await admin.get('/threadmill/retention?run_ttl_days=30')).toMatchObject({ runs: 2 });
  await deleteOldRuns(pool, 30);
  const runs = await client.beta.threads.runs.list(thread.id);
  expect(runs.data.map(({ id }) => id)).toEqual([newest]);
  expect(
    (await client.beta.threads.runs.list(thread.id, { after: middle!, order: 'asc' })).data.map(
      ({ id }) => id,
    ),
  ).toEqual([newest]);
  expect((await client.beta.threads.messages.list(thread.id)).data).toHaveLength(4);
  const { rows } = await env.pool.query(
    'select count(*)::int as count from run_events where run_id = any($1)',
    [[oldest, middle]],
  );
  expect(rows).toEqual([{ count: 0 }]);
});

/** Makes rows 90 days older. */
async function age(
  table: string,
  column: string,
  ids: readonly (string | undefined)[],
): Promise<void> {
  const times =
    table === 'runs'
      ? `created_at = created_at - 90 * 86400, updated_at = updated_at - interval '90 days'`
      : 'created_at = created_at - 90 * 86400';
  await env.pool.query(`update ${table} set ${times} where ${column} = any($1)`, [ids]);
}

function statusOf(request: Promise<unknown>): Promise<number | undefined> {
  return request.then(
    () => 200,
    (error: unknown) => (error as InstanceType<typeof OpenAI.APIError>).status,
  );
}
