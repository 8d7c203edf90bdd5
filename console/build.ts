/**
 * Builds the console once per change of its sources, in a child process. `npm start` does it beside the start of the
 * servers, and the image when it is made: `node console/build.ts`.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CONSOLE = fileURLToPath(new URL('.', import.meta.url));
const DIST = join(CONSOLE, 'dist');
const STAMP = join(DIST, 'sources');
const SOURCES = ['src', 'index.html', 'vite.config.ts', '../package-lock.json'];

/** @throws Error with the words of Vite; also when its packages, which only a build needs, are not installed */
export async function buildConsole(): Promise<void> {
  const hash = await sourcesHash();
  if (existsSync(STAMP) && (await readFile(STAMP, 'utf8')) === hash) return;
  const made = `${DIST}.${process.pid}`;
  const vite = join(
    dirname(createRequire(import.meta.url).resolve('vite/package.json')),
    'bin/vite.js',
  );
  const config = join(CONSOLE, 'vite.config.ts');
  await promisify(execFile)(
    process.execPath,
    [vite, 'build', CONSOLE, '--config', config, '--outDir', made],
    { env: { ...process.env, NODE_ENV: 'production' } },
  );
  await writeFile(join(made, 'sources'), hash);
  await replaceBy(made);
}

/** Another process may build and serve the same: it finds one whole build at any time. */
async function replaceBy(made: string): Promise<void> {
  const old = `${made}.old`;
  await rename(DIST, old).catch(() => undefined);
  await rename(made, DIST).catch(() => undefined);
  await Promise.all([made, old].map((path) => rm(path, { recursive: true, force: true })));
}

async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const path = join(CONSOLE, source);
    const names = source === 'src' ? await readdir(path, { recursive: true }) : [''];
    for (const name of names.toSorted().filter((each) => each === '' || each.includes('.'))) {
      hash.update(name).update(await readFile(join(path, name)));
    }
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole();
