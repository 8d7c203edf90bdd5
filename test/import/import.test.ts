/** npm run import, as a person who moves runs it: from another Threadmill, from Azure's classic service, and from exports. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { settled, storeWith, upload } from '../support/stores.ts';
import { runToEnd, start } from '../start/support.ts';
import * as azure from './fake-azure.ts';

let here: Environment;
beforeAll(async () => {
  here = await Environment.start();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
});

type Report = {
  counts: Record<string, Record<'copied' | 'present' | 'skipped' | 'failed', number>>;
  left_out: Record<string, number>;
  reasons: { outcome: string; id: string; reason: string }[];
};

/** A project of its own: its client, and the command that copies into it. */
async function newProject(projectName: string) {
  const scopes = ['read', 'run', 'files', 'admin'] as const;
  const key = await createApiKey(here.pool, { projectName, name: 'import', scopes });
  const args = ['bin/import.ts', '--to', `${here.api.url}/v1`, '--to-key', key, '--json'];
  return {
    client: here.clientFor(key),
    start: (...from: string[]) => start('bin/with-node.mjs', [...args, ...from]),
    async copy(...from: string[]) {
      const outcome = await runToEnd('bin/with-node.mjs', [...args, ...from]);
      expect(outcome.stdout + outcome.stderr).not.toContain(key);
      return { ...outcome, report: JSON.parse(outcome.stdout) as Report };
    },
  };
}

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-import-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** Objects of another source: an id is taken once in a database. */
const renamed = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replaceAll('q3Vt7', 'e7Port')) as T;

/** All that a client can read, with what a copy makes anew left out. */
async function contentOf(client: OpenAI, threadId: string) {
  const stores = await all(client.vectorStores.list());
  return {
    assistants: await all(client.beta.assistants.list()),
    files: await all(client.files.list()),
    stores: stores.map((store) => ({ ...store, last_active_at: 0, expires_at: 0 })),
    storeFiles: await all(client.vectorStores.files.list(stores[0]!.id)),
    thread: await client.beta.threads.retrieve(threadId),
    messages: await all(client.beta.threads.messages.list(threadId)),
  };
}

/** Each copy is a process of its own. */
const SLOW = { timeout: 180_000 };

test('another Threadmill is copied whole, and a copied thread goes on', SLOW, async () => {
  await using there = await Environment.start({ config: { downloadAssistantsFiles: true } });
  const { client } = there;
  const fileIds = [];
  for (const n of [1, 2, 3]) fileIds.push(await upload(client, `Heron ${n} wades.`, `${n}.txt`));
  const storeId = await storeWith(client, fileIds);
  await client.vectorStores.files.update(fileIds[0]!, {
    vector_store_id: storeId,
    attributes: { n: 1 },
  });
  there.model.script('m', text('Herons wade.'));
  const assistant = await client.beta.assistants.create({
    model: 'm',
    instructions: 'Watch.',
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [storeId] } },
  });
  const thread = await client.beta.threads.create({
    messages: [{ role: 'user', content: 'What do herons do?' }],
    metadata: { user: 'u1' },
  });
  await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });

  // Both have one Temporal, where the number of a store's file must be another's.
  await storeWith(here.client, await Promise.all(fileIds.map(() => upload(here.client, 'Gulls.'))));
  const to = await newProject('from-threadmill');
  const from = ['--from', `${there.api.url}/v1`, '--key', there.apiKey, '--threads', 'all'];
  const { code, report } = await to.copy(...from);
  expect({ code, reasons: report.reasons, left: report.left_out }).toEqual({
    code: 0,
    reasons: [],
    left: {},
  });
  for (const id of fileIds) await settled(to.client, storeId, id);
  expect(await contentOf(to.client, thread.id)).toEqual(await contentOf(client, thread.id));
  const found = await to.client.vectorStores.search(storeId, { query: 'Heron 2' });
  expect(found.data.map(({ file_id }) => file_id)).toContain(fileIds[1]);

  here.model.script('m', text('They fish, too.'));
  const { threads } = to.client.beta;
  await threads.messages.create(thread.id, { role: 'user', content: 'And then?' });
  const run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
  expect(run.status).toBe('completed');

  const again = await to.copy(...from);
  const copied = Object.values(again.report.counts).map((counts) => counts.copied);
  expect({ code: again.code, copied }).toEqual({ code: 0, copied: [0, 0, 0, 0, 0, 0] });
});

test('a copy that was killed goes on where it was, and nothing is there twice', SLOW, async () => {
  await using there = await Environment.start({ worker: false });
  const { threads } = there.client.beta;
  const ids: string[] = [];
  for (const n of Array.from({ length: 8 }, (_, at) => at)) {
    const messages = Array.from({ length: 40 }, (_, at) => ({
      role: 'user' as const,
      content: `${n}.${at}`,
    }));
    ids.push((await threads.create({ messages })).id);
  }
  const list = join(await temporaryDirectory(), 'threads.txt');
  await writeFile(list, ids.join('\n'));
  const to = await newProject('killed');
  const from = ['--from', `${there.api.url}/v1`, '--key', there.apiKey, '--threads', list];
  const running = to.start(...from);
  const project = `(select id from projects where name = 'killed')`;
  const count = async (table: string) => {
    const counted = `select count(*)::int as n from ${table} where project_id = ${project}`;
    return (await here.pool.query<{ n: number }>(counted)).rows[0]!.n;
  };
  await expect.poll(() => count('messages'), { interval: 5, timeout: 60_000 }).toBeGreaterThan(9);
  running.child.kill('SIGKILL');
  await running.ended;
  const before = await count('messages');

  const { code, report } = await to.copy(...from);
  expect(code).toBe(0);
  expect(report.counts.messages).toMatchObject({ failed: 0, skipped: 0 });
  expect(report.counts.messages!.present).toBeGreaterThanOrEqual(Math.min(before, 10));
  expect(await count('messages')).toBe(320);
  for (const id of ids) {
    const [a, b] = [there.client, to.client].map((client) =>
      all(client.beta.threads.messages.list(id, { limit: 100 })),
    );
    expect(await b).toEqual(await a);
  }
});

test("Azure's classic service is copied through its pages and refusals", SLOW, async () => {
  await using from = await azure.startFakeAzure();
  const to = await newProject('from-azure');
  const directory = await temporaryDirectory();
  const threads = join(directory, 'threads.txt');
  await writeFile(threads, `${azure.THREAD.id}\nthread_gone\n`);
  const args = ['--from', from.url, '--key', azure.KEY, '--api-version', azure.VERSION];
  const { code, report, stderr } = await to.copy(...args, '--threads', threads);
  expect(code).toBe(2);
  expect(stderr).toContain('files: 4/4');
  expect(report.counts).toEqual({
    files: { copied: 2, present: 0, skipped: 1, failed: 1 },
    'vector stores': { copied: 1, present: 0, skipped: 0, failed: 0 },
    'files in stores': { copied: 1, present: 0, skipped: 0, failed: 0 },
    assistants: { copied: 3, present: 0, skipped: 0, failed: 1 },
    threads: { copied: 1, present: 0, skipped: 0, failed: 1 },
    messages: { copied: 5, present: 0, skipped: 0, failed: 0 },
  });
  expect(report.left_out).toEqual({ 'assistant region': 1, 'assistant tools[].tier': 1 });
  const reasons = report.reasons.map(({ outcome, reason }) => `${outcome}: ${reason}`).join('\n');
  expect(reasons).toContain('failed: Not allowed to download files of purpose: assistants.');
  expect(reasons).toContain('with --files, and import again.');
  expect(reasons).toContain("failed: Invalid 'temperature'");
  expect(reasons).toContain('failed: Nothing is at /threads/thread_gone');
  expect(JSON.stringify(report)).not.toContain(azure.KEY);

  const { client } = to;
  const listed = await all(client.beta.assistants.list({ order: 'asc' }));
  expect(listed).toMatchObject(azure.ASSISTANTS);
  expect(
    await all(client.beta.threads.messages.list(azure.THREAD.id, { order: 'asc' })),
  ).toMatchObject(azure.MESSAGES);
  const id = azure.FILES[0]!.id;
  expect(await settled(client, azure.STORE.id, id)).toMatchObject({
    attributes: { season: 'spring' },
  });

  await writeFile(join(directory, azure.FILES[2]!.filename), azure.contentOf(2));
  const rest = await to.copy(...args, '--threads', threads, '--files', directory);
  expect(rest.report.counts.files).toEqual({ copied: 1, present: 2, skipped: 1, failed: 0 });
  const files = await all(client.files.list({ order: 'asc' }));
  expect(files).toMatchObject(azure.FILES);
});

test('exports are read as lists, lines and single objects', async () => {
  const directory = await temporaryDirectory();
  const put = (name: string, content: string) => writeFile(join(directory, name), content);
  await mkdir(join(directory, 'files'));
  const [file] = renamed(azure.FILES);
  const assistants = renamed(azure.ASSISTANTS);
  const thread = renamed(azure.THREAD);
  const data = renamed(azure.MESSAGES).toReversed();
  await put(`files/${file!.id}`, azure.contentOf(0));
  // As PowerShell and some editors write UTF-8.
  await put('files.json', `\uFEFF${JSON.stringify({ object: 'list', data: [file] })}`);
  await put('assistants.jsonl', assistants.map((one) => JSON.stringify(one)).join('\n'));
  await put('thread.json', JSON.stringify({ ...thread, messages: { object: 'list', data } }));
  const to = await newProject('from-exports');
  const { code, report } = await to.copy('--from-dir', directory);
  expect({ code, reasons: report.reasons }).toEqual({ code: 0, reasons: [] });
  expect(await all(to.client.beta.assistants.list({ order: 'asc' }))).toMatchObject(assistants);
  const messages = await all(to.client.beta.threads.messages.list(thread.id));
  expect(messages).toMatchObject(data);
});

test('a wrong key ends the copy with one sentence, without the key', async () => {
  await using from = await azure.startFakeAzure();
  const to = await newProject('refused');
  const wrong = ['--key', 'azure-wrong-key', '--api-version', azure.VERSION];
  const { code, stderr, stdout } = await to.copy('--from', from.url, ...wrong);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^The server refused this: Access denied for \*\*\*\.\n$/);
  expect(stdout).not.toContain('azure-wrong-key');
});
