/** Finds the packages that npm installed: Pyodide, and the Deno of this platform. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { SetupError } from '../host/setup.ts';

/** An npm package. */
export type Part = { folder: string; version: string };

/** Found by its platform, because npm runs no install script of the package `deno` here. */
const DENO_PACKAGES: Record<string, string> = {
  'linux-x64': '@deno/linux-x64-glibc',
  'linux-arm64': '@deno/linux-arm64-glibc',
  'darwin-x64': '@deno/darwin-x64',
  'darwin-arm64': '@deno/darwin-arm64',
};

/** The remedy when one is missing. */
const INSTALL_DENO = 'npm install --ignore-scripts --include=optional';

/** Throws SetupError when one is missing. */
export async function findParts(): Promise<{ deno: Part; pyodide: Part }> {
  const platform = `${process.platform}-${process.arch}`;
  const name = DENO_PACKAGES[platform];
  if (name === undefined) throw new SetupError(`There is no Deno package for ${platform}.`);
  return { deno: await findPart(name), pyodide: await findPart('pyodide') };
}

async function findPart(name: string): Promise<Part> {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
    return { folder: dirname(manifest), version };
  } catch (cause) {
    const remedy = `Install it with: ${INSTALL_DENO}`;
    throw new SetupError(`The package ${name} is missing. ${remedy}`, { cause });
  }
}
