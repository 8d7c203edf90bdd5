/**
 * The embedded PostgreSQL: created at the first start, kept in `<data dir>/postgres`, listening on 127.0.0.1 only.
 * It ends with the process that started it. A start first stops a server that a killed process left running.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedError } from '../error.ts';
import { exists, limitLog, readJson, writeJson } from '../files.ts';
import { freePort, isPortFree } from '../ports.ts';
import { chooseAccount } from './account.ts';
import * as cluster from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { findPrograms } from './programs.ts';
import { findRunningPostgres, startPostgres, stopPostgres } from './running.ts';
import { tail } from '../processes.ts';

export type EmbeddedPostgres = {
  /** postgres://…@127.0.0.1:port/threadmill, with the password. A superuser, who owns the tables. */
  url: string;
  /** The same for the API and the worker. The migrations create this role. */
  appUrl: string;
  /** The server's version, such as 18.4. */
  version: string;
  /** Ends the server after rolling back open transactions; safe to call twice. */
  stop(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /** The server uses `postgres/` and `postgres.json` in it. The caller ensures that only one process uses the directory. */
  dataDir: string;
  onProgress?: (line: string) => void;
  /** Server settings that override ours, such as { fsync: 'off' }. */
  settings?: Record<string, string>;
};

type State = { password: string; port: number };

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '256MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};
const START_ATTEMPTS = 5;
const ENDING_MS = 500;
const LOG = 'server.log';

/** Starts the server. Throws EmbeddedError. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  await mkdir(options.dataDir, { recursive: true });
  const directory = join(options.dataDir, 'postgres');
  const stateFile = join(options.dataDir, 'postgres.json');
  const account = await chooseAccount(directory);
  const programs = await findPrograms(account, await cluster.clusterMajor(directory));
  const server: Cluster = { directory, account, programs };
  const settings = { ...SETTINGS, ...options.settings };
  const state = await readJson<State>(stateFile);

  if ((await findRunningPostgres(server)) !== undefined) await stopPostgres(server);
  const password = await prepare(server, state, options.onProgress);
  const port = await start(server, settings, state?.port);
  const started = { password, port };
  await writeJson(stateFile, started);
  return handle(server, started);
}

/** Creates missing data. Returns the password, which is new if the recorded state was lost. */
async function prepare(
  server: Cluster,
  state: State | undefined,
  onProgress: ((line: string) => void) | undefined,
): Promise<string> {
  const password = state?.password ?? randomBytes(24).toString('base64url');
  if (!(await exists(server.directory))) {
    onProgress?.(`Creating the database (PostgreSQL ${server.programs.version})`);
    await cluster.createCluster(server, password);
  } else if ((await cluster.clusterMajor(server.directory)) === undefined) {
    throw new EmbeddedError(
      `${server.directory} holds no PostgreSQL data: move it away, or use another --data-dir.`,
    );
  } else if (state === undefined) {
    await cluster.setPassword(server, password);
  }
  return password;
}

/** Starts the server on its last port, or on another one if that is taken. Returns the port. */
async function start(
  server: Cluster,
  settings: Record<string, string>,
  lastPort?: number,
): Promise<number> {
  const log = join(server.directory, LOG);
  await limitLog(log);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(attempt === 1 ? lastPort : undefined);
    await cluster.writeSettings(server, { ...settings, port: String(port) });
    if (await startPostgres(server, log)) return port;
    const lines = (await tail(log)).trim().split('\n');
    const reason = lines.findLast((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? '';
    // Another program may have taken the port after it was chosen, and processes of a killed server may still hold its
    // shared memory.
    const stillEnding = reason.includes('shared memory block');
    if (stillEnding) await delay(ENDING_MS);
    if (attempt < START_ATTEMPTS && (stillEnding || !(await isPortFree(port)))) continue;
    throw new EmbeddedError(`The embedded PostgreSQL does not start: ${reason} Its log is ${log}.`);
  }
}

function handle(server: Cluster, { password, port }: State): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  const url = `postgres://${cluster.USER}:${password}@127.0.0.1:${port}/${cluster.DATABASE}`;
  const username = `${cluster.USER}_app`;
  // The same at every start, without another secret to keep.
  const appPassword = createHmac('sha256', password).update(username).digest('base64url');
  return {
    url,
    appUrl: Object.assign(new URL(url), { username, password: appPassword }).href,
    version: server.programs.version,
    stop: () => (stopping ??= stopPostgres(server)),
  };
}
