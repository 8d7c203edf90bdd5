/** The content of the folder that Deno may read, before any code has run there. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageSources } from '../python/sources.ts';
import type { Part } from './parts.ts';
import { limitMemory } from './wasm-memory.ts';

/** File names below the folder, and the content of each file. */
export type Contents = Map<string, Buffer>;

/** The sources of the folder. */
export type Ingredients = {
  deno: Part;
  pyodide: Part;
  /** The upper bound of Python's memory. */
  memoryBytes: number;
  /** A folder of wheels that cells can import from. */
  wheels: string | undefined;
};

const INSIDE = fileURLToPath(new URL('inside/', import.meta.url));
const PYODIDE_FILES = ['pyodide.mjs', 'pyodide.asm.mjs', 'python_stdlib.zip'];
const WEBASSEMBLY = 'pyodide.asm.wasm';
const LOCK_FILE = 'pyodide-lock.json';

/** All files. */
export async function contentsOf(ingredients: Ingredients): Promise<Contents> {
  const { pyodide, memoryBytes, wheels } = ingredients;
  const files = [...PYODIDE_FILES, WEBASSEMBLY].map(
    async (name) => [name, await readFile(join(pyodide.folder, name))] as const,
  );
  const contents = new Map([...(await ownSources()), ...(await Promise.all(files))]);
  limitMemory(contents.get(WEBASSEMBLY) ?? Buffer.alloc(0), memoryBytes);
  contents.set(LOCK_FILE, await emptyLockFile(join(pyodide.folder, LOCK_FILE)));
  for (const wheel of await wheelsIn(wheels)) {
    contents.set(`wheels/${basename(wheel)}`, await readFile(wheel));
  }
  return contents;
}

/** Changes when any file does. Cheap: packages are identified by version, wheels by size and time. */
export async function fingerprintOf(ingredients: Ingredients): Promise<string[]> {
  const { deno, pyodide, memoryBytes, wheels } = ingredients;
  const sources = [...(await ownSources())].flatMap(([name, source]) => [name, source.toString()]);
  const states = (await wheelsIn(wheels)).map(async (wheel) => {
    const { size, mtimeMs } = await stat(wheel);
    return `${basename(wheel)} ${size} ${mtimeMs}`;
  });
  return [
    process.arch,
    deno.version,
    pyodide.version,
    String(memoryBytes),
    ...sources,
    ...(await Promise.all(states)),
  ];
}

/** The scripts of this folder, and below `python/` the modules of sandbox/python. */
async function ownSources(): Promise<Contents> {
  const names = await readdir(INSIDE);
  const inside = names.map(async (name) => {
    const path = name.endsWith('.py') ? `python/${name}` : name;
    return [path, await readFile(join(INSIDE, name))] as const;
  });
  const shared = [...(await packageSources())].map(
    ([path, source]) => [`python/${path}`, source] as const,
  );
  return new Map([...(await Promise.all(inside)), ...shared]);
}

async function wheelsIn(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith('.whl'));
  return names.sort().map((name) => join(folder, name));
}

/** Pyodide's list of packages, emptied: Pyodide would download them. */
async function emptyLockFile(path: string): Promise<Buffer> {
  const { info } = JSON.parse(await readFile(path, 'utf8')) as { info: unknown };
  return Buffer.from(JSON.stringify({ info, packages: {} }));
}
