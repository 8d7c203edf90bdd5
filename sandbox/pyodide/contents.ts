/** What lies in the folder Deno may read, before anything has run there. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageSources } from '../python/sources.ts';
import type { Part } from './parts.ts';
import { limitMemory } from './wasm-memory.ts';

/** File names below the folder, and what is in the files. */
export type Contents = Map<string, Buffer>;

/** What the folder is made of. */
export type Ingredients = {
  deno: Part;
  pyodide: Part;
  /** How far Python's memory may grow. */
  memoryBytes: number;
  /** A folder of wheels that cells can import from. */
  wheels: string | undefined;
};

const INSIDE = fileURLToPath(new URL('inside/', import.meta.url));
const PYODIDE_FILES = ['pyodide.mjs', 'pyodide.asm.mjs', 'python_stdlib.zip'];
const WEBASSEMBLY = 'pyodide.asm.wasm';
const LOCK_FILE = 'pyodide-lock.json';

/** All of it. */
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

/** Changes when any of it does. Cheap: packages are known by version, wheels by size and time. */
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

/** Our scripts, and below `python/` our modules. */
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

/** Pyodide's list of packages that it would download, without them. */
async function emptyLockFile(path: string): Promise<Buffer> {
  const { info } = JSON.parse(await readFile(path, 'utf8')) as { info: unknown };
  return Buffer.from(JSON.stringify({ info, packages: {} }));
}
