/**
 * Makes test/fixtures/releases/<version>: `npm run release-fixture -- CHECKOUT`. It starts that checkout as `npm start`
 * does, fills it through the official client, stops it, and packs its data directory. Once for each release, from its tag.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';

import { Client, Connection } from '@temporalio/client';
import type OpenAI from 'openai';
import pg from 'pg';

import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { readJson } from '../../embedded/files.ts';
import { runningPostgresUrl } from '../../embedded/running-url.ts';
import { startModel } from '../chaos/model/server.ts';
import { fill } from './fill.ts';
import type { Recorded } from './release.ts';
import { RELEASES } from './release.ts';
import { startStack } from './stack.ts';

const execute = promisify(execFile);
/** The year 2100. */
const FAR_AWAY = 4_102_444_800;

const [given] = process.argv.slice(2);
if (given === undefined) throw new Error('Usage: npm run release-fixture -- CHECKOUT');
const checkout = resolve(given);
const { version } = (await readJson<{ version: string }>(join(checkout, 'package.json')))!;
const folder = fileURLToPath(new URL(`${version}/`, RELEASES));
const dataDir = await mkdtemp(join(tmpdir(), 'threadmill-release-'));
const model = await startModel();
const stack = await startStack({
  checkout,
  dataDir,
  modelBaseUrl: `http://127.0.0.1:${model.port}/v1`,
});
const database = new pg.Client({ connectionString: await runningPostgresUrl(dataDir) });
await database.connect();

await postponeDeadlines();
const paths: string[] = [];
const other = await otherProject();
const filled = await fill(stack.client, { paths });
const answers = await readAll(stack.client);
const made_at = Math.floor(Date.now() / 1_000);
const recorded: Recorded = { version, made_at, answers, ...filled, other };
await writeHistories();
const lastLog = await finishDatabase();
await stack.stop();
await model.close();
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'recorded.json'), `${JSON.stringify(recorded, null, 1)}\n`);
await pack();
await rm(dataDir, { recursive: true });
process.exit(0);

/** For runs whose metadata ask for it: what waits in the fixture must still have time years from now. */
async function postponeDeadlines(): Promise<void> {
  await database.query(`create function postpone() returns trigger language plpgsql as $$ begin
    if new.metadata ->> 'deadline' = 'far' and new.expires_at - new.created_at = 600 then new.expires_at := ${FAR_AWAY}; end if;
    return new; end $$`);
  await database.query(
    'create trigger postpone before insert on runs for each row execute function postpone()',
  );
}

async function otherProject(): Promise<Recorded['other']> {
  const args = ['bin/keys.ts', 'create', '--project', 'other', '--data-dir', dataDir];
  const { stdout } = await execute(process.execPath, args, { cwd: checkout });
  const key = stdout.trim();
  const { id } = await stack.clientWith(key).beta.assistants.create({ model: 'chaos' });
  return { key, assistant: id };
}

async function readAll(client: OpenAI): Promise<Record<string, unknown>> {
  const read: Record<string, unknown> = {};
  for (const path of new Set(paths)) read[path] = await client.get(path);
  return read;
}

/** Histories of a real server and a real worker, for replay.test.ts. */
async function writeHistories(): Promise<void> {
  const server = await readJson<{ port: number }>(join(dataDir, 'temporal', 'server.json'));
  const connection = await Connection.connect({ address: `127.0.0.1:${server!.port}` });
  const client = new Client({ connection });
  const target = new URL(`../fixtures/histories/${version}/`, import.meta.url);
  await mkdir(target, { recursive: true });
  const { completed, parked, overdue, under_way: underWay } = filled;
  const ids = new Map([
    ['completed', completed.run],
    ['parked', parked.run],
    ['overdue', overdue.run],
    ['under-way', underWay.run],
  ]);
  const { rows } = await database.query<{ id: string }>(
    'select id from runs where thread_id = $1',
    [filled.code.thread],
  );
  ids.set('code', rows[0]!.id);
  for await (const { workflowId, type } of client.workflow.list()) {
    if (type === 'ingestFileWorkflow') {
      ids.set(ids.has('ingest') ? 'ingest-2' : 'ingest', workflowId);
    }
  }
  for (const [name, id] of ids) {
    const json = historyToJSON(await client.workflow.getHandle(id).fetchHistory())
      .replaceAll(`${checkout}/`, '/')
      .replaceAll(`@${hostname()}`, '@computer');
    const { events } = JSON.parse(json) as { events: unknown[] };
    const lines = events.map((event) => JSON.stringify(event)).join(',\n');
    await writeFile(new URL(`kept-${name}.json`, target), `{"events":[\n${lines}\n]}\n`);
    console.log('history', name, events.length);
  }
  await connection.close();
}

/** What the stop will write goes to a log file of its own; the files before it are then needed by nobody. */
async function finishDatabase(): Promise<string> {
  await database.query('drop function postpone cascade');
  await database.query('vacuum freeze');
  await database.query('select pg_switch_wal()');
  await database.query('checkpoint');
  const { rows } = await database.query<{ name: string }>(
    'select pg_walfile_name(pg_current_wal_lsn() + 1) as name',
  );
  await database.end();
  return rows[0]!.name;
}

async function pack(): Promise<void> {
  const logs = join(dataDir, 'postgres', 'pg_wal');
  for (const name of await readdir(logs)) {
    if (/^[0-9A-F]{24}$/.test(name) && name !== lastLog) await rm(join(logs, name));
  }
  // Where its programs were is nobody's business: PostgreSQL writes the one anew, and the other only names a port.
  await rm(join(dataDir, 'postgres', 'postmaster.opts'));
  const state = join(dataDir, 'temporal', 'server.json');
  const named = await readFile(state, 'utf8');
  await writeFile(state, named.replaceAll(homedir(), '/home/threadmill'));
  const tar = join(folder, 'data.tar');
  const flags = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name'];
  const excluded = ['--exclude=./cache', '--exclude=server.log'];
  await execute('tar', ['-c', '-f', tar, '-C', dataDir, ...flags, ...excluded, '.']);
  const content = await readFile(tar);
  const packed = brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
  await rm(tar);
  await writeFile(join(folder, 'data.tar.br'), packed);
  console.log(`${version}: ${content.length} bytes, packed ${packed.length}`);
}
