/**
 * Builds the workflow bundle once per change of its sources, in a child process: building takes a second and leaves
 * 150 MB behind that a serving process should not carry.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { loadConfig } from '../config/config.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['workflows', 'wire'];

/** Path of an up-to-date bundle inside `cacheDir`. */
export async function workflowBundle(cacheDir: string): Promise<string> {
  const path = join(cacheDir, `workflow-bundle-${await sourcesHash()}.js`);
  if (existsSync(path)) return path;
  await mkdir(cacheDir, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  await buildInChild(temporary);
  await rename(temporary, path);
  return path;
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

function buildInChild(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), path], {
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

async function build(path: string): Promise<void> {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({ workflowsPath: join(ROOT, 'workflows', 'index.ts') });
  await writeFile(path, code);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = process.argv[2];
  // Without a target: ahead of the first start, as an image does it.
  await (target === undefined ? workflowBundle(loadConfig().cacheDir) : build(target));
}
