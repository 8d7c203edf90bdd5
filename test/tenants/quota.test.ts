import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';

import pg from 'pg';
import { toFile } from 'openai';
import type { APIError, OpenAI } from 'openai';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import { collectBlobs } from '../../db/blobs/blobs.ts';
import { writeBlob } from '../../db/blobs/write-blob.ts';
import { sumRowBytes } from '../../db/projects/stored-bytes.ts';
import { questions, submit, untilStatus } from '../batches/support.ts';
import { LOOKUP } from '../support/durable-run.ts';
import { adminUrlOf, Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { outputsFor } from '../support/runs.ts';
import { readyToRun, tenantOf } from './support.ts';
import type { Tenant } from './support.ts';

const MIB = 1024 * 1024;
/** A busy computer. */
const SLOWLY = { timeout: 30_000 };

let env: Environment;
let secondApi: RunningApi;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
  secondApi = await env.startApi();
});
afterAll(async () => {
  await secondApi.close();
  await env[Symbol.asyncDispose]();
});

const tenant = (quota_bytes: number | null) => tenantOf(env, { quota_bytes }, secondApi);

async function counted({ project }: Tenant): Promise<{ blobs: number; rows: number }> {
  // Words of messages are made soon after the message is stored.
  const waiting = 'select from unindexed_messages where project_id = $1';
  await vi.waitFor(
    async () => expect((await env.pool.query(waiting, [project])).rows).toEqual([]),
    SLOWLY,
  );
  await sumRowBytes(env.pool);
  const { rows } = await env.pool.query<{ blobs: number; rows: number }>(
    'select blob_bytes as blobs, row_bytes as rows from projects where id = $1',
    [project],
  );
  return rows[0]!;
}

/** Of each row, as documented. */
const SIZES = {
  messages:
    '300 + pg_column_size(content) + pg_column_size(attachments) + pg_column_size(metadata)',
  runs: '600 + coalesce(octet_length(instructions), 0) + octet_length(tools::text)',
  assistants: `300 + coalesce(pg_column_size(instructions), 0) + coalesce(pg_column_size(description), 0)
    + pg_column_size(tools) + pg_column_size(metadata) + pg_column_size(response_format)`,
  idempotency_keys: '200 + coalesce(pg_column_size(response), 0)',
  chunks: '200 + pg_column_size(text) + pg_column_size(tsv)',
  run_steps: '500 + coalesce(pg_column_size(upstream), 0)',
  tool_calls:
    '300 + pg_column_size(input) + pg_column_size(streamed) + coalesce(pg_column_size(result), 0)',
  batch_lines: '300 + pg_column_size(custom_id) + coalesce(pg_column_size(response), 0)',
  message_words: '200 + pg_column_size(words)',
};
type Counted = keyof typeof SIZES;

async function bytesOf({ project }: Tenant, tables: readonly string[]): Promise<number> {
  const sums = tables.map(
    (table) =>
      `(select coalesce(sum(${table in SIZES ? SIZES[table as Counted] : 'counted_bytes'}), 0) from ${table} where project_id = $1)`,
  );
  const text = `select (${sums.join(' + ')})::bigint as bytes`;
  return (await env.pool.query<{ bytes: number }>(text, [project])).rows[0]!.bytes;
}

/** What the counters must say. */
const stored = async (caller: Tenant) => ({
  blobs: await bytesOf(caller, ['blobs', 'uploads']),
  rows: await bytesOf(caller, Object.keys(SIZES)),
});

const fileOf = (bytes: number, name = 'a.bin') =>
  toFile(Buffer.alloc(bytes, 'a word and another. '), name);

const codeOf = (error: unknown) => (error as APIError).code;

/** Opens an upload of a file whose bytes are sent later. */
function openUpload({ apiKey }: Tenant, headers: Record<string, string>): ClientRequest {
  const type = 'multipart/form-data; boundary=edge';
  const request = httpRequest(`${env.api.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': type, ...headers },
  });
  request.on('error', () => {});
  request.write(
    '--edge\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n' +
      '--edge\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n',
  );
  return request;
}

test('an upload larger than the quota is refused before its bytes are there', async () => {
  const caller = await tenant(20 * MIB);
  const request = openUpload(caller, { 'content-length': String(150 * MIB) });
  request.write(Buffer.alloc(MIB));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(400);
  expect(await json(response)).toMatchObject({ error: { code: 'file_quota_exceeded' } });
  request.destroy();
  expect(await counted(caller)).toMatchObject({ blobs: 0 });
});

test('an upload that does not tell its size is stopped at the quota', async () => {
  const caller = await tenant(20 * MIB);
  const request = openUpload(caller, { 'transfer-encoding': 'chunked' });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  let response: IncomingMessage | undefined;
  void answered.then(([first]) => (response = first));
  let sent = 0;
  for (; sent < 150 && response === undefined; sent++) {
    if (!request.write(Buffer.alloc(MIB))) await Promise.race([once(request, 'drain'), answered]);
  }
  const [refused] = await answered;
  expect(await json(refused)).toMatchObject({ error: { code: 'file_quota_exceeded' } });
  expect(sent).toBeLessThan(100);
  request.destroy();
  await vi.waitFor(async () => expect(await counted(caller)).toMatchObject({ blobs: 0 }), SLOWLY);
});

test('files that arrive together at two API processes do not pass the quota together', async () => {
  const caller = await tenant(20 * MIB);
  const answers = await Promise.allSettled(
    Array.from({ length: 6 }, async (_, n) =>
      caller.clients[n % 2]!.files.create({ file: await fileOf(6 * MIB), purpose: 'user_data' }),
    ),
  );
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  expect(await counted(caller)).toMatchObject({ blobs: 18 * MIB });
  for (const answer of answers) {
    if (answer.status === 'rejected') expect(codeOf(answer.reason)).toBe('file_quota_exceeded');
    else await caller.clients[0].files.delete(answer.value.id);
  }
  expect(await counted(caller)).toMatchObject({ blobs: 0 });
});

test('the bytes that a killed process had reserved are free once its blob is collected', async () => {
  const caller = await tenant(20 * MIB);
  const never = new Promise<never>(() => {});
  async function* source() {
    yield await never;
  }
  const quota = { bytes: 20 * MIB, expected: 15 * MIB };
  void writeBlob(env.pool, caller.project, source(), { maxBytes: 20 * MIB, quota });
  await vi.waitFor(
    async () => expect(await counted(caller)).toMatchObject({ blobs: 15 * MIB }),
    SLOWLY,
  );
  const create = async () =>
    caller.clients[0].files.create({ file: await fileOf(6 * MIB), purpose: 'user_data' });
  await expect(create()).rejects.toMatchObject({ code: 'file_quota_exceeded' });
  await collectBlobs(env.pool, 0);
  await create();
});

test('an upload reserves what has still to come, and its parts count once', async () => {
  const caller = await tenant(20 * MIB);
  const [client] = caller.clients;
  const bytes = (n: number) =>
    ({ bytes: n * MIB, filename: 'a', purpose: 'user_data', mime_type: 'text/plain' }) as const;
  const upload = await client.uploads.create(bytes(12));
  await expect(client.uploads.create(bytes(9))).rejects.toMatchObject({
    code: 'file_quota_exceeded',
  });
  const parts = [];
  for (let n = 0; n < 3; n++) {
    parts.push(await client.uploads.parts.create(upload.id, { data: await fileOf(4 * MIB) }));
    expect(await counted(caller)).toMatchObject({ blobs: 12 * MIB });
  }
  await client.uploads.complete(upload.id, { part_ids: parts.map(({ id }) => id) });
  expect(await counted(caller)).toMatchObject({ blobs: 12 * MIB });
  const cancelled = await client.uploads.create(bytes(8));
  await client.uploads.cancel(cancelled.id);
  expect(await counted(caller)).toEqual(await stored(caller));
});

test('messages, runs, assistants, chunks and stored answers count until they are deleted', async () => {
  const caller = await tenant(null);
  const [client] = caller.clients;
  const body = await readyToRun(env, caller, text('Hello.'));
  const run = await client.beta.threads.createAndRunPoll(body);
  const options = { headers: { 'Idempotency-Key': 'once' } };
  await client.beta.threads.messages.create(
    run.thread_id,
    { role: 'user', content: 'x'.repeat(9_000) },
    options,
  );
  const store = await client.vectorStores.create({});
  const file = await client.files.create({
    file: await fileOf(40_000, 'a.txt'),
    purpose: 'user_data',
  });
  await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
  const full = await counted(caller);
  expect(full).toEqual(await stored(caller));
  expect(full.rows).toBeGreaterThan(20_000);

  await client.beta.threads.delete(run.thread_id);
  await client.vectorStores.delete(store.id);
  await client.files.delete(file.id);
  await client.beta.assistants.delete(body.assistant_id);
  const empty = await counted(caller);
  expect(empty).toEqual(await stored(caller));
  expect(empty.rows).toBeLessThan(1_000);
});

test('arguments, outputs, steps and fields of the model server count until their thread is deleted', async () => {
  const caller = await tenant(null);
  const [client] = caller.clients;
  const [input, output] = [randomText(), randomText()];
  const call = toolCalls([{ name: 'lookup', arguments: { input } }], {
    text: `<think>${input}</think>`,
  });
  const { assistant_id, thread } = await readyToRun(env, caller, call, text('Done.'));
  const waiting = await client.beta.threads.createAndRunPoll({
    assistant_id,
    thread,
    tools: [LOOKUP],
  });
  const before = await counted(caller);
  expect(before).toEqual(await stored(caller));
  // The thought goes back to the model server with the call, and so is stored with the step.
  expect(before.rows).toBeGreaterThan(2 * input.length);
  const { thread_id } = waiting;
  const tool_outputs = outputsFor(waiting, output);
  await client.beta.threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs });
  const after = await counted(caller);
  expect(after).toEqual(await stored(caller));
  expect(after.rows - before.rows).toBeGreaterThan(output.length);
  await client.beta.threads.delete(thread_id);
  const empty = await counted(caller);
  expect(empty).toEqual(await stored(caller));
  expect(empty.rows).toBeLessThan(1_000);
});

test('lines of a batch count, with the answers that they got', async () => {
  const caller = await tenant(null);
  const [client] = caller.clients;
  const { assistant_id } = await readyToRun(env, caller, text('One.'), text('Two.'));
  const lines = questions(assistant_id, ['one', 'two', 'three']);
  const gone = await client.beta.threads.create();
  await client.beta.threads.delete(gone.id);
  lines[2] = { ...lines[2]!, url: `/v1/threads/${gone.id}/runs`, body: { assistant_id } };
  const { id } = await submit(client, lines);
  await untilStatus(client, id, 'completed');
  const full = await counted(caller);
  expect(full).toEqual(await stored(caller));
  const { rows } = await env.pool.query('select from batch_lines where batch_id = $1', [id]);
  expect(rows).toHaveLength(3);

  const tables = ['run_steps', 'tool_calls', 'batch_lines'];
  expect(await countedByMigration(caller, '000022.sql', tables)).toBe(
    await bytesOf(caller, tables),
  );
});

/** The bytes that a migration counts when the rows are there and its triggers are not yet. */
async function countedByMigration({ project }: Tenant, file: string, tables: string[]) {
  const text = await readFile(new URL(`../../migrations/${file}`, import.meta.url), 'utf8');
  const owner = new pg.Client({ connectionString: adminUrlOf(env.databaseUrl) });
  await owner.connect();
  try {
    await owner.query('begin; delete from row_byte_changes');
    for (const table of tables) {
      for (const operation of ['insert', 'update', 'delete']) {
        await owner.query(`drop function counted_${operation}_${table} cascade`);
      }
    }
    await owner.query(text);
    const counted = 'select sum(bytes)::int as bytes from row_byte_changes where project_id = $1';
    return (await owner.query<{ bytes: number }>(counted, [project])).rows[0]!.bytes;
  } finally {
    await owner.end();
  }
}

test('a project at its quota creates nothing, and reads, deletes and ends what it has', async () => {
  const caller = await tenant(50_000);
  const [client, other] = caller.clients;
  const thread = await client.beta.threads.create();
  const post = (one: OpenAI) =>
    one.beta.threads.messages.create(thread.id, { role: 'user', content: randomText() });
  while ((await counted(caller)).rows < 50_000) await post(client).catch(() => {});
  for (const one of [client, other]) {
    const refused = () =>
      expect(post(one)).rejects.toMatchObject({ code: 'storage_quota_exceeded' });
    await vi.waitFor(refused, { timeout: 10_000, interval: 100 });
  }
  await expect(client.beta.threads.create()).rejects.toThrow(
    '400 The project has reached its limit of 50000 bytes of storage.',
  );
  await client.beta.threads.messages.list(thread.id);
  await client.beta.threads.delete(thread.id);
  await counted(caller);
  await vi.waitFor(() => client.beta.threads.create(), { timeout: 10_000, interval: 100 });
});

/** It does not compress. */
const randomText = () => randomBytes(4_000).toString('base64');

test('files, images and variables of a cell count, and those beyond the quota are left out with a note', async () => {
  const caller = await tenant(3 * MIB);
  const run = async (code: string, ...more: Parameters<typeof text>) => {
    const call = toolCalls([{ name: 'code_interpreter', arguments: { code } }]);
    const body = await readyToRun(env, caller, call, text(...more));
    const { assistant_id, thread } = body;
    const tools = [{ type: 'code_interpreter' as const }];
    const done = await caller.clients[0].beta.threads.createAndRunPoll({
      assistant_id,
      thread,
      tools,
    });
    expect(done.status).toBe('completed');
    const steps = await caller.clients[0].beta.threads.runs.steps.list(done.id, {
      thread_id: done.thread_id,
    });
    return JSON.stringify(steps.data);
  };
  await run(
    "open('/mnt/data/one.bin', 'wb').write(bytes(2_000_000))",
    'See [it](sandbox:/mnt/data/one.bin).',
  );
  const one = await counted(caller);
  expect(one.blobs).toBeGreaterThan(2_000_000);
  expect(one.blobs).toBeLessThan(2_100_000);
  expect(one).toEqual(await stored(caller));
  const logs = await run(
    "open('/mnt/data/two.bin', 'wb').write(bytes(2_000_000))\nprint('written')",
    'Done.',
  );
  expect(logs).toContain('written');
  expect(logs).toMatch(/Note: not saved: two\.bin \(the limit of storage leaves \d+ bytes\)/);
  const two = await counted(caller);
  expect(two.blobs).toBeLessThan(3 * MIB);
  expect(two).toEqual(await stored(caller));
});
