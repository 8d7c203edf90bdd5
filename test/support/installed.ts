/** Packages and programs that tests need, installed outside the checkout, once for each set of versions. */
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { cacheDir, exists } from '../../embedded/files.ts';
import { commandLine, waitUntil } from '../../embedded/processes.ts';

const INSTALL_MS = 170_000;

/** The folder `name` of the cache. The first call fills it with `install`; a name has to tell the versions. */
export async function installed(
  name: string,
  install: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(cacheDir(), name);
  const complete = join(directory, 'complete');
  if (await exists(complete)) return directory;
  const unlock = await lock(`${directory}.lock`);
  try {
    if (await exists(complete)) return directory; // another test file installed it meanwhile
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    await install(directory);
    await writeFile(complete, '');
    return directory;
  } finally {
    await unlock();
  }
}

/** One installer at a time. A lock whose holder is gone is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const take = async () => {
    const file = await open(path, 'wx').catch(() => undefined);
    if (file === undefined) {
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (holder > 0 && (await commandLine(holder)) === undefined) await rm(path, { force: true });
      return false;
    }
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  };
  if (!(await waitUntil(take, INSTALL_MS, 100))) {
    throw new Error(`${path} is held for too long; delete it.`);
  }
  return () => rm(path, { force: true });
}
