/** A PostgreSQL of its own, in the foreground: it can be ended in every way, and comes back on the same port. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { chooseAccount } from '../../../embedded/postgres/account.ts';
import type { Cluster } from '../../../embedded/postgres/cluster.ts';
import {
  createCluster,
  DATABASE,
  USER,
  writeSettings,
} from '../../../embedded/postgres/cluster.ts';
import { findPrograms } from '../../../embedded/postgres/programs.ts';
import { Child } from './child.ts';
import { Part } from './part.ts';

/** How a server is ended: `fast` rolls back and writes everything out, `immediate` is a crash. */
export const POSTGRES_SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '64MB',
  min_wal_size: '32MB',
  max_wal_size: '128MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

export type ChaosPostgres = { part: Part; url: string };

/** Creates the data in `<parent>/postgres` and starts the server on it. */
export async function startPostgres(
  parent: string,
  logFile: string,
  port: number,
): Promise<ChaosPostgres> {
  const directory = join(parent, 'postgres');
  const account = await chooseAccount(directory);
  const programs = await findPrograms(account, undefined);
  const cluster: Cluster = { directory, account, programs };
  const password = randomBytes(16).toString('hex');
  await createCluster(cluster, password);
  await writeSettings(cluster, { ...SETTINGS, port: String(port) });
  const url = `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  const launch = () =>
    new Child({
      command: join(programs.bin, 'postgres'),
      args: ['-D', directory],
      env: { LC_ALL: 'C' },
      cwd: directory,
      uid: account.uid,
      gid: account.gid,
      logFile,
      // Its own children end with it; SIGKILL would leave them for a moment, and the next start would refuse.
      deathSignal: 'QUIT',
    });
  const part = new Part('postgres', launch, (child) => untilAnswers(child, url));
  part.start();
  return { part, url };
}

async function untilAnswers(child: Child, connectionString: string): Promise<void> {
  while (child.running) {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    const answered = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (answered) return;
    await pause(50);
  }
  throw new Error('PostgreSQL ended while it was starting.');
}
