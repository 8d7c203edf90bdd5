/** Files beside the embedded servers: recorded state, logs, and the cache of built programs. */
import { readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/** The cache of the user. All checkouts share it. */
export function cacheDir(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'threadmill');
}

/** Reads a JSON file; undefined when it is missing or incomplete. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Replaces a JSON file atomically. Only its owner can read it, because it may hold a password. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const next = `${path}.${process.pid}.tmp`;
  await writeFile(next, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(next, path);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Empties a log that is too large. To be called before a start, while no process writes to it. */
export async function limitLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (entry) => entry.size,
    () => 0,
  );
  if (size > LOG_LIMIT_BYTES) await truncate(path);
}
