import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';

import { EmbeddedError } from '../../embedded/error.ts';
import { exists, readJson } from '../../embedded/files.ts';
import { portAnswers } from '../../embedded/ports.ts';
import { findPrograms, tryPackage } from '../../embedded/postgres/programs.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { commandLine } from '../../embedded/processes.ts';
import { killStarterOf, occupyPort, stopLater, temporaryDirectory } from './support.ts';

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: unknown }>(sql);
    return rows[0]?.answer;
  } finally {
    await client.end();
  }
}

function startedAt(url: string): Promise<unknown> {
  return ask(url, 'select pg_postmaster_start_time()::text as answer');
}

async function recordedPort(dataDir: string): Promise<number> {
  return (await readJson<{ port: number }>(join(dataDir, 'postgres.json')))?.port ?? 0;
}

test('creates the database below a private directory and keeps its data over a restart', async () => {
  const dataDir = await temporaryDirectory();
  const progress: string[] = [];
  const first = stopLater(
    await startEmbeddedPostgres({ dataDir, onProgress: (line) => progress.push(line) }),
  );
  expect(progress).toEqual([`Creating the database (PostgreSQL ${first.version})`]);
  expect(await ask(first.url, 'select current_database() as answer')).toBe('threadmill');
  await ask(first.url, "create table kept as select 'still here' as answer");
  await first.stop();
  expect(await portAnswers(await recordedPort(dataDir))).toBe(false);

  const second = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(second.url).toBe(first.url);
  expect(await ask(second.url, 'select answer from kept')).toBe('still here');
});

test('sorts the same on every computer and asks for a password', async () => {
  const { url } = stopLater(await startEmbeddedPostgres({ dataDir: await temporaryDirectory() }));
  expect(
    await ask(
      url,
      "select string_agg(c, '' order by c) as answer from unnest(array['b','A','a','é']) c",
    ),
  ).toBe('Aabé');
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await expect(ask(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
});

test('keeps the password readable by its owner only', async () => {
  const dataDir = await temporaryDirectory();
  stopLater(await startEmbeddedPostgres({ dataDir }));
  expect((await stat(join(dataDir, 'postgres.json'))).mode & 0o777).toBe(0o600);
});

test('ends in order with the process that started it, even when that is killed', async () => {
  const dataDir = await temporaryDirectory();
  await killStarterOf('postgres', dataDir);
  const folder = join(dataDir, 'postgres');
  await expect.poll(() => exists(join(folder, 'postmaster.pid'))).toBe(false);
  stopLater(await startEmbeddedPostgres({ dataDir }));
  const log = await readFile(join(folder, 'server.log'), 'utf8');
  expect(log).toContain('database system was shut down at');
  expect(log).not.toContain('interrupted');
});

test('starts at once after the process that started it was killed', async () => {
  const dataDir = await temporaryDirectory();
  await killStarterOf('postgres', dataDir);
  const server = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(await ask(server.url, 'select 1 as answer')).toBe(1);
});

test('restarts a server that still runs, with the settings that are asked for', async () => {
  const dataDir = await temporaryDirectory();
  const first = stopLater(await startEmbeddedPostgres({ dataDir }));
  const before = await startedAt(first.url);
  const second = stopLater(await startEmbeddedPostgres({ dataDir, settings: { work_mem: '9MB' } }));
  expect(await startedAt(second.url)).not.toBe(before);
  expect(await ask(second.url, "select current_setting('work_mem') as answer")).toBe('9MB');
});

test('moves to another port when the last one is taken', async () => {
  const dataDir = await temporaryDirectory();
  const first = stopLater(await startEmbeddedPostgres({ dataDir }));
  await first.stop();
  const taken = await occupyPort(await recordedPort(dataDir));
  const second = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(Number(new URL(second.url).port)).not.toBe(taken);
  expect(await ask(second.url, 'select 1 as answer')).toBe(1);
});

test('sets a new password when the old one was lost', async () => {
  const dataDir = await temporaryDirectory();
  const first = stopLater(await startEmbeddedPostgres({ dataDir }));
  await rm(join(dataDir, 'postgres.json'));
  const second = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(new URL(second.url).password).not.toBe(new URL(first.url).password);
  expect(await ask(second.url, 'select 1 as answer')).toBe(1);
});

test('starts afresh when an earlier start was cut off while creating the data', async () => {
  const dataDir = await temporaryDirectory();
  await mkdir(join(dataDir, 'postgres.new', 'base'), { recursive: true });
  const { url } = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(await ask(url, 'select 1 as answer')).toBe(1);
});

test('is not deceived by a process number that belongs to another program now', async () => {
  const dataDir = await temporaryDirectory();
  const first = stopLater(await startEmbeddedPostgres({ dataDir }));
  await first.stop();
  const lines = [
    process.pid,
    join(dataDir, 'postgres'),
    0,
    await recordedPort(dataDir),
    '',
    '127.0.0.1',
    '0 0',
    'ready',
  ];
  await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), lines.join('\n'));
  const second = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(await ask(second.url, 'select 1 as answer')).toBe(1);
});

test('says what to do about a directory that is no database', async () => {
  const dataDir = await temporaryDirectory();
  await mkdir(join(dataDir, 'postgres'));
  await writeFile(join(dataDir, 'postgres', 'notes.txt'), 'mine');
  const start = startEmbeddedPostgres({ dataDir });
  await expect(start).rejects.toBeInstanceOf(EmbeddedError);
  await expect(start).rejects.toThrow(
    /holds no PostgreSQL data: move it away, or use another --data-dir\.$/,
  );
});

test('refuses data of another major version', async () => {
  const dataDir = await temporaryDirectory();
  await mkdir(join(dataDir, 'postgres'));
  await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '9\n');
  const start = startEmbeddedPostgres({ dataDir });
  await expect(start).rejects.toThrow(
    /^The data was made by PostgreSQL 9, but only .* can be run here: install version 9/,
  );
});

test('starts again after the server itself was killed', async () => {
  const dataDir = await temporaryDirectory();
  const first = stopLater(await startEmbeddedPostgres({ dataDir }));
  await ask(first.url, "create table kept as select 'still here' as answer");
  const [pid] = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGKILL');
  await expect.poll(() => commandLine(Number(pid))).toBeUndefined();
  const second = stopLater(await startEmbeddedPostgres({ dataDir }));
  expect(await ask(second.url, 'select answer from kept')).toBe('still here');
});

const hasSystemServer = await exists('/usr/lib/postgresql/15/bin/initdb');
const isRoot = process.getuid?.() === 0;

test.skipIf(!hasSystemServer)(
  'falls back to an installed server of the version that made the data',
  async () => {
    expect(await findPrograms({ name: 'whoever' }, 15)).toMatchObject({ major: 15 });
  },
);

test.skipIf(!isRoot)(
  'copies the programs out of a checkout that the database user cannot enter',
  async () => {
    const checkout = await temporaryDirectory();
    const { bin } = await findPrograms({ name: 'root' }, 18);
    const native = join(checkout, 'package', 'native');
    // As they are: links into the original would lead back into a checkout that nobody may enter.
    await cp(dirname(bin), native, { recursive: true, verbatimSymlinks: true });
    await cp(join(dirname(bin), '..', 'package.json'), join(native, '..', 'package.json'));
    const cache = await temporaryDirectory();
    await chmod(cache, 0o755);
    const programs = await tryPackage(native, { name: 'nobody', uid: 65534, gid: 65534 }, cache);
    expect(programs).toMatchObject({ bin: expect.stringContaining(cache), major: 18 });
  },
);
