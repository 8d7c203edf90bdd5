/**
 * The folder that Deno may read, and Deno itself beside it. It is made once for each combination of versions and wheels, in a
 * cache outside the checkout, so that later starts find it ready.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  access,
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Contents, Ingredients } from './contents.ts';
import { contentsOf, fingerprintOf } from './contents.ts';

/** Absolute paths. */
export type KernelDirectory = { deno: string; readable: string };

/** A step of making the directory: returns more files, made with the earlier ones. */
export type Step = (unfinished: KernelDirectory) => Promise<Contents>;

/** Finds the directory of these ingredients, or makes it. */
export async function kernelDirectory(
  ingredients: Ingredients,
  steps: Step[],
): Promise<KernelDirectory> {
  const cache = await cacheFolder();
  const hash = createHash('sha256').update(JSON.stringify(await fingerprintOf(ingredients)));
  const path = join(cache, `pyodide-${hash.digest('hex').slice(0, 20)}`);
  if (existsSync(path)) return directoryAt(path);
  const unfinished = await mkdtemp(`${path}.`);
  try {
    const directory = directoryAt(unfinished);
    await chmod(unfinished, 0o755);
    await linkOrCopy(join(ingredients.deno.folder, 'deno'), directory.deno);
    await place(directory.readable, await contentsOf(ingredients));
    for (const step of steps) await place(directory.readable, await step(directory));
    await moveUnlessThere(unfinished, path);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return directoryAt(path);
}

function directoryAt(path: string): KernelDirectory {
  return { deno: join(path, 'deno'), readable: join(path, 'readable') };
}

/** Readable for everyone, whatever the umask: root makes the directory, and an ordinary user runs Deno. */
async function place(folder: string, contents: Contents): Promise<void> {
  for (const [name, content] of contents) {
    const path = join(folder, name);
    await makeFolder(dirname(path), folder);
    await writeFile(path, content);
    await chmod(path, 0o644);
  }
}

async function makeFolder(path: string, root: string): Promise<void> {
  if (path !== root) await makeFolder(dirname(path), root);
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

/** A copy of the program: its package may lie below a folder that only root can enter. */
async function linkOrCopy(source: string, target: string): Promise<void> {
  await link(source, target).catch(async () => {
    await copyFile(source, target);
    await chmod(target, 0o755);
  });
}

/** Renames in one step, because other processes may look for it. When another process was first, its directory serves as well. */
async function moveUnlessThere(source: string, target: string): Promise<void> {
  await rename(source, target).catch(async (error: unknown) => {
    if (!existsSync(target)) throw error;
  });
}

/**
 * The cache of the user, or of the system for root; else a folder for this process. Never a folder that another user could
 * have made.
 */
async function cacheFolder(): Promise<string> {
  const user = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const folder = join(process.getuid?.() === 0 ? '/var/cache' : user, 'threadmill');
  try {
    await mkdir(folder, { recursive: true });
    const { uid, mode } = await stat(folder);
    const ours = uid === process.getuid?.() && (mode & 0o022) === 0;
    if (ours && (await isWritable(folder))) return folder;
  } catch {
    // read-only, or no home
  }
  return mkdtemp(join(tmpdir(), 'threadmill-'));
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}
