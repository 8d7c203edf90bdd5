/**
 * Builds the workflow bundle once per change of its sources, in a child process: building takes a second and leaves
 * 150 MB behind that a serving process should not carry.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ConfigError, loadConfig } from '../config/config.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['workflows', 'wire'];
/** Of the group, and of everyone. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Path of an up-to-date bundle inside `cacheDir`, whose code the worker runs with all of its rights and keys. Only that
 * with tracing has the code of OpenTelemetry; histories fit both.
 * @throws ConfigError when the directory cannot be made, or belongs to another user
 */
export async function workflowBundle(cacheDir: string, isTraced = false): Promise<string> {
  const kind = isTraced ? '-traced' : '';
  const path = join(cacheDir, `workflow-bundle-${await sourcesHash()}${kind}.js`);
  await openCache(cacheDir);
  if (await isOwn(path)) return path;
  const temporary = `${path}.${process.pid}`;
  await buildInChild(temporary, isTraced);
  await rename(temporary, path);
  return path;
}

/** After it nobody else can write there. */
async function openCache(cacheDir: string): Promise<void> {
  try {
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    const { uid, mode } = await stat(cacheDir);
    if (!isTrusted(uid)) throw new Error('it belongs to another user');
    if ((mode & WRITABLE_BY_OTHERS) !== 0) await chmod(cacheDir, mode & ~WRITABLE_BY_OTHERS);
  } catch (error) {
    throw new ConfigError(
      `The directory ${cacheDir} cannot be used for code that the worker runs (${(error as Error).message}): ` +
        'set THREADMILL_CACHE_DIR to a directory that belongs to this user.',
    );
  }
}

/** A file that somebody else could have written is replaced. */
async function isOwn(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && isTrusted(found.uid) && (found.mode & WRITABLE_BY_OTHERS) === 0;
}

/** Files of root are as good as own ones: an image belongs to root, and its processes do not. */
function isTrusted(uid: number): boolean {
  return uid === 0 || uid === (process.getuid?.() ?? uid);
}

/** What a bundle depends on: its sources and the SDK that will run it. */
async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await readFile(join(ROOT, 'package-lock.json')));
  for (const folder of SOURCES) {
    const names = await readdir(join(ROOT, folder), { recursive: true });
    for (const name of names.filter((each) => each.endsWith('.ts')).toSorted()) {
      hash.update(name).update(await readFile(join(ROOT, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function buildInChild(path: string, isTraced: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const more = isTraced ? [TRACED] : [];
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), path, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The workflow bundle could not be built: ${errors.slice(-2_000)}`));
    });
  });
}

const TRACED = '--traced';
const INTERCEPTORS = '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors.js';

async function build(path: string, isTraced: boolean): Promise<void> {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows', 'index.ts'),
    workflowInterceptorModules: isTraced ? [fileURLToPath(import.meta.resolve(INTERCEPTORS))] : [],
  });
  await writeFile(path, code, { mode: 0o644 });
  // The umask of some users lets their group write.
  await chmod(path, 0o644);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [target, option] = process.argv.slice(2);
  if (target !== undefined) await build(target, option === TRACED);
  // Ahead of the first start, as an image does it, whose user cannot write there.
  else for (const isTraced of [false, true]) await workflowBundle(loadConfig().cacheDir, isTraced);
}
