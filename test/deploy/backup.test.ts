/**
 * deploy/backup/backup.sh against a real PostgreSQL server: a base backup, a restore to a moment, and what becomes of the runs of that
 * moment. Temporal's databases are in the same server in docker-compose.yml; here Temporal goes on, so that it is later than the restore.
 */
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { migrate } from '../../db/core/migrate.ts';
import { createPool } from '../../db/core/pool.ts';
import { freePort } from '../../embedded/ports.ts';
import { chooseAccount } from '../../embedded/postgres/account.ts';
import type { Account } from '../../embedded/postgres/account.ts';
import { createRun, eventually, say } from '../support/durable-run.ts';
import { loseWorkflow, passNow } from '../support/operator.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { ROOT } from './compose-file.ts';

const run = promisify(execFile);
const program = globSync('/usr/lib/postgresql/*/bin/pg_basebackup').at(-1);

let folder: string;
let account: Account;
let port: number;
let env: ProcessEnvironment;

beforeAll(async () => {
  if (program === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'threadmill-backup-'));
  account = await chooseAccount(folder);
  port = await freePort();
  // The account cannot enter a checkout below a private directory.
  await writeFile(join(folder, 'backup.sh'), await readFile(join(ROOT, 'deploy/backup/backup.sh')));
  for (const path of ['.', 'data', 'backup']) {
    await mkdir(join(folder, path), { recursive: true, mode: 0o700 });
    if (account.uid !== undefined) await chown(join(folder, path), account.uid, account.gid!);
  }
  await asPostgres('initdb', ['--username=threadmill', '--auth=trust', '--no-sync']);
  await startServer();
  await asPostgres('createdb', ['--host=127.0.0.1', '--username=threadmill', 'threadmill']);
  const url = `postgres://threadmill@127.0.0.1:${port}/threadmill`;
  const pool = createPool(url, { max: 1, applicationName: 'threadmill-test-setup' });
  await migrate(pool);
  await pool.end();
  env = await ProcessEnvironment.start(url);
});
afterAll(async () => {
  if (program === undefined) return;
  await env[Symbol.asyncDispose]();
  await stopServer();
  await rm(folder, { recursive: true, force: true });
});

// Debian has the program in the package `postgresql`, which .ci/run installs. The packages of npm do not have it.
test.skipIf(program === undefined)(
  'the server is restored as of a moment: what ended stays, what was accepted goes on, later things are gone',
  { timeout: 420_000 },
  async () => {
    for (const model of ['before', 'lost', 'ended', 'after']) env.model.script(model, say(model));
    const api = await env.startApi();
    const worker = await env.startWorker();
    const before = await createRun(env, 'before');
    await eventually(() => expectStatus(before, 'completed'));
    expect(await backup('base')).toMatch(/^\d{8}T\d{6}Z\n$/);

    await worker.kill();
    const lost = await createRun(env, 'lost');
    const ended = await createRun(env, 'ended');
    const moment = await now();
    const second = await env.startWorker();
    const after = await createRun(env, 'after');
    for (const ref of [lost, ended, after]) {
      await eventually(() => expectStatus(ref, 'completed'));
    }
    await archiveAll();
    await Promise.all([second.kill(), api.kill()]);
    await stopServer();

    expect(await backup('restore', moment)).toContain(`as of ${moment}`);
    await startServer();
    // The server first ends its recovery.
    await eventually(async () => expect(await env.pool.query('select 1')).toBeDefined());
    // A Temporal that was restored as well, or is empty, does not know of the end of this run.
    await loseWorkflow(env, lost);
    env.model.script('lost', say('once more'));
    await env.startApi();
    await expectStatus(before, 'completed');
    await expect(statusOf(after)).rejects.toThrow('404');
    await expectStatus(lost, 'queued');

    await env.pool.query(`update runs set updated_at = updated_at - interval '1 minute'`);
    await passNow(env.pool);
    const third = await env.startWorker();
    await eventually(() => expectStatus(lost, 'completed'));
    await eventually(() => expectStatus(ended, 'failed'));
    expect(env.model.requests('ended')).toHaveLength(1);

    // A second restore takes the log that this server wrote since then, and the first restore's settings are gone.
    await third.kill();
    const kept = await createRun(env, 'kept');
    await backup('base');
    await archiveAll();
    await backup('prune', '1');
    expect((await backup('list')).trim().split('\n')).toHaveLength(1);
    await stopServer();
    await backup('restore');
    await startServer();
    await eventually(() => expectStatus(kept, 'queued'));
  },
);

test.skipIf(program === undefined)(
  'refuses a time before the first backup, a running server and a segment that differs',
  async () => {
    const refusal = (...args: string[]) =>
      backup(...args).then(
        () => 'accepted',
        ({ stderr }: { stderr: string }) => stderr,
      );
    expect(await refusal('restore', '2001-01-01T00:00:00Z')).toContain('No base backup ended');
    expect(await refusal('restore')).toContain('PostgreSQL runs in');
    expect(await refusal('restore', 'yesterdayish')).toContain("'yesterdayish' is not a time");
    await asPostgres('sh', ['-c', `echo one > ${folder}/backup/segment`]);
    await backup('archive', join(folder, 'backup/segment'), '0F');
    await backup('archive', join(folder, 'backup/segment'), '0F');
    await asPostgres('sh', ['-c', `echo two > ${folder}/backup/segment`]);
    expect(await refusal('archive', join(folder, 'backup/segment'), '0F')).toContain('another');
  },
);

type Ref = Awaited<ReturnType<typeof createRun>>;

async function statusOf({ threadId, runId }: Ref): Promise<string> {
  const { status } = await env.client.beta.threads.runs.retrieve(runId, { thread_id: threadId });
  return status;
}

async function expectStatus(ref: Ref, status: string): Promise<void> {
  expect(await statusOf(ref)).toBe(status);
}

async function now(): Promise<string> {
  const { rows } = await env.pool.query<{ now: Date }>('select clock_timestamp() as now');
  return rows[0]!.now.toISOString();
}

/** Resolves once everything that was written so far is in the archive. */
async function archiveAll(): Promise<void> {
  const { rows } = await env.pool.query<{ last: string }>(
    'select pg_walfile_name(pg_switch_wal()) as last',
  );
  await eventually(async () => {
    const found = await env.pool.query<{ name: string }>(
      'select last_archived_wal as name from pg_stat_archiver',
    );
    expect(found.rows[0]!.name >= rows[0]!.last).toBe(true);
  });
}

async function backup(...args: string[]): Promise<string> {
  return asPostgres('sh', [join(folder, 'backup.sh'), ...args]);
}

/** Runs a program of the server as the account that the server has. */
async function asPostgres(name: string, args: string[]): Promise<string> {
  const bin = dirname(program!);
  const { stdout } = await run(name === 'sh' ? name : join(bin, name), args, {
    cwd: folder,
    uid: account.uid,
    gid: account.gid,
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      PGDATA: join(folder, 'data'),
      BACKUP_DIR: join(folder, 'backup'),
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      POSTGRES_USER: 'threadmill',
    },
  });
  return stdout;
}

async function startServer(): Promise<void> {
  const settings = [
    `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`,
    `-c archive_mode=on -c archive_command='sh ${folder}/backup.sh archive %p %f'`,
  ];
  const log = join(folder, 'backup/server.log');
  await asPostgres('pg_ctl', [
    '--wait',
    `--log=${log}`,
    `--options=${settings.join(' ')}`,
    'start',
  ]);
}

async function stopServer(): Promise<void> {
  await asPostgres('pg_ctl', ['--wait', '--mode=immediate', 'stop']);
}
