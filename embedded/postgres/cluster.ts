/** Creates a PostgreSQL data directory, and runs the server's programs on it. */
import { chown, mkdir, appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError } from '../error.ts';
import type { Account } from './account.ts';
import type { Programs } from './programs.ts';
import { run } from '../processes.ts';
import type { RunResult } from '../processes.ts';

export type Cluster = { directory: string; account: Account; programs: Programs };

export const USER = 'threadmill';
export const DATABASE = 'threadmill';
/** Our settings have their own file, which each start rewrites. ALTER SYSTEM overrides it. */
const SETTINGS_FILE = 'threadmill.conf';
const HOST_RULES = 'host all all 127.0.0.1/32 scram-sha-256\n';

/** The major version that made the data, or undefined without data. */
export async function clusterMajor(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

/**
 * Runs initdb, pg_ctl or postgres on the data. The user that root chose may be unable to reach the data from `/`, such as a
 * checkout in /root. On Linux the program therefore starts in the directory and gets the path /proc/self/cwd.
 */
export function runOn(
  cluster: Cluster,
  program: string,
  args: string[],
  input = '',
): Promise<RunResult> {
  const { directory, account, programs } = cluster;
  return run(join(programs.bin, program), args, {
    cwd: directory,
    uid: account.uid,
    gid: account.gid,
    input,
    env: environmentOf(cluster),
  });
}

/** LC_ALL makes messages English, which this code parses. The user's PG* variables do not reach these programs. */
export function environmentOf(cluster: Cluster): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', PGDATA: nameOf(cluster) };
}

function nameOf({ directory, account, programs }: Cluster): string {
  const steppedDown = process.platform === 'linux' && account.uid !== undefined;
  // Before 16 the programs leave and re-enter their working directory by its full path.
  return steppedDown && programs.major >= 16 ? '/proc/self/cwd' : directory;
}

/** Creates the data, the user's password and the database in another directory, and renames it when it is complete. */
export async function createCluster(cluster: Cluster, password: string): Promise<void> {
  const unfinished = { ...cluster, directory: `${cluster.directory}.new` };
  await rm(unfinished.directory, { recursive: true, force: true });
  await mkdir(unfinished.directory, { mode: 0o700 });
  await giveTo(cluster.account, unfinished.directory);
  await initialise(unfinished);
  await writeFile(join(unfinished.directory, 'pg_hba.conf'), HOST_RULES);
  await appendFile(
    join(unfinished.directory, 'postgresql.conf'),
    `\ninclude_if_exists = '${SETTINGS_FILE}'\n`,
  );
  await setPassword(unfinished, password);
  await statement(unfinished, `create database ${DATABASE};`);
  await rename(unfinished.directory, cluster.directory);
}

async function initialise(cluster: Cluster): Promise<void> {
  const locale = process.platform === 'linux' ? 'C.UTF-8' : 'C';
  // The builtin provider (17+) sorts identically on every computer, so the data can move to another one.
  const provider =
    cluster.programs.major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  // No client may connect until our pg_hba.conf replaces this rule, so initdb needs no file with a password.
  const flags = ['-U', USER, '--auth=reject', '-E', 'UTF8', `--locale=${locale}`];
  fail('initdb', await runOn(cluster, 'initdb', [...flags, ...provider]), cluster);
}

/** Sets the password of the only user, while the server does not run. */
export function setPassword(cluster: Cluster, password: string): Promise<void> {
  return statement(cluster, `alter role ${USER} password '${password}';`);
}

/** Executes one SQL statement without a running server. */
async function statement(cluster: Cluster, sql: string): Promise<void> {
  const result = await runOn(cluster, 'postgres', ['--single', 'postgres'], `${sql}\n`);
  // In this mode a failed statement still exits with code 0.
  const failed = /\b(ERROR|FATAL|PANIC):/.test(result.stderr);
  fail('postgres --single', failed ? { ...result, code: 1 } : result, cluster);
}

/** Writes our settings for the next start. */
export async function writeSettings(
  cluster: Cluster,
  settings: Record<string, string>,
): Promise<void> {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`,
  );
  const file = join(cluster.directory, SETTINGS_FILE);
  await writeFile(
    file,
    `# Rewritten at every start. Use ALTER SYSTEM for changes of your own.\n${lines.join('\n')}\n`,
  );
  await giveTo(cluster.account, file);
}

async function giveTo({ uid, gid }: Account, path: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
}

function fail(
  program: string,
  { code, stdout, stderr }: RunResult,
  { directory, account }: Cluster,
): void {
  if (code === 0) return;
  const reason = (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' ');
  throw new EmbeddedError(
    `${program} failed in ${directory} as ${account.name}: ${reason} Check the directory's permissions and free space, ` +
      `use another --data-dir, or set DATABASE_URL to a running server.`,
  );
}
