/**
 * The data directory and its lock. Two processes on one directory would share a database server and stop it for each other,
 * so the second process is refused. The lock names its holder. A lock whose holder died, even by SIGKILL, does not count.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine } from '../../embedded/processes.ts';
import { StartError } from './start-error.ts';

type Holder = { pid: number; command: string };

const GUARD_MS = 5_000;
const RETRY_MS = 10;

/**
 * Creates a missing directory and takes its lock. Returns a function that releases the lock.
 * @throws StartError
 */
export async function claimDataDir(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'lock');
  try {
    // Other users may traverse but not list it, because PostgreSQL may run as another user. Secret files have mode 0600.
    await mkdir(dataDir, { recursive: true, mode: 0o711 });
    const holder = await take(path);
    if (holder === undefined) return () => rm(path, { force: true });
    throw new StartError(
      `The data directory ${dataDir} is in use by process ${holder.pid}: stop that one, or use another with --data-dir.`,
    );
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The data directory ${dataDir} cannot be used (${(error as Error).message}): ` +
        `correct its permissions, or use another with --data-dir.`,
    );
  }
}

/** The running process that holds the directory's lock. */
export async function holderOf(dataDir: string): Promise<Holder | undefined> {
  const holder = parse(await readFile(join(dataDir, 'lock'), 'utf8').catch(() => ''));
  const isAlive = holder !== undefined && (await commandLine(holder.pid)) === holder.command;
  return isAlive ? holder : undefined;
}

/** Takes the lock, or returns the process that holds it. */
async function take(path: string): Promise<Holder | undefined> {
  for (;;) {
    if (await create(path)) return undefined;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) continue; // released meanwhile
    const holder = parse(text);
    if (holder !== undefined && (await commandLine(holder.pid)) === holder.command) return holder;
    await setAside(path, text);
  }
}

async function create(path: string): Promise<boolean> {
  const own: Holder = { pid: process.pid, command: (await commandLine(process.pid)) ?? '' };
  // Written to a draft and then linked, so that no process reads an incomplete lock.
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(own));
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}

/** Removes the lock of a dead process unless it has changed since it was read. A guard file admits one process at a time. */
async function setAside(path: string, seen: string): Promise<void> {
  const guard = `${path}.takeover`;
  try {
    await (await open(guard, 'wx')).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const since = await stat(guard).then(({ mtimeMs }) => mtimeMs, Date.now);
    // The process that made the guard died while it held it, which takes milliseconds.
    if (Date.now() - since > GUARD_MS) await rm(guard, { force: true });
    return sleep(RETRY_MS);
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === seen) await rm(path);
  } finally {
    await rm(guard, { force: true });
  }
}

function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}
