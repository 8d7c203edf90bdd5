/** The Python that runs inside every kernel, by its path below the folder that holds the driver. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

/** What works on any Python: the package `threadmill`. */
const PACKAGE = [
  'answers.py',
  'cells.py',
  'notebook/display.py',
  'notebook/figures.py',
  'notebook/fonts.py',
  'notebook/html_text.py',
  'notebook/imports.py',
  'notebook/ipython.py',
  'notebook/loop.py',
  'notebook/source.py',
  'interrupter.py',
  'outside.py',
  'signals.py',
  'state/alone.py',
  'state/files.py',
  'state/layout.py',
  'state/pickling.py',
  'state/process.py',
  'state/salvage.py',
  'state/settings.py',
  'state/state.py',
  'vendor/cloudpickle.py',
];

/** Files of the package `threadmill`, which every backend offers to its Python: path to content. */
export async function packageSources(): Promise<Map<string, Buffer>> {
  const entries = PACKAGE.map(
    async (name) =>
      [`threadmill/${basename(name)}`, await readFile(new URL(name, import.meta.url))] as const,
  );
  return new Map(await Promise.all(entries));
}

/** The same and `driver.py`, which serves a session from a process of its own. */
export async function processSources(): Promise<Map<string, Buffer>> {
  const driver = await readFile(new URL('driver.py', import.meta.url));
  return new Map([['driver.py', driver], ...(await packageSources())]);
}
