/**
 * Everything of Deno that code in a cell can name: operations, modules and globals. An upgrade of Deno that adds one fails
 * here: find out what it gives to code, try to escape with it (support/pyodide-escapes.ts), then add it to the list.
 */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openSandbox } from './support/index.ts';

const REVIEWED = new URL('pyodide-surface.txt', import.meta.url);
const sandbox = await openSandbox({ backend: 'pyodide' });

/** JavaScript that evaluates to the names by kind. */
const LOOK = `(async () => {
  const names = (object) => Object.getOwnPropertyNames(object).sort();
  const internal = Deno[Deno.internal];
  return {
    operations: names(internal.core.ops),
    core: names(internal.core),
    internal: names(internal),
    Deno: names(Deno),
    process: names(process),
    navigator: names(Object.getPrototypeOf(navigator)),
    globals: names(globalThis),
    modules: (await import('node:module')).builtinModules.toSorted(),
  };
})()`;

/** The same in a thread that the cell starts, where nothing was deleted. */
const LOOK_IN_A_THREAD = `new Promise((resolve, reject) => {
  const look = ${JSON.stringify(`${LOOK}.then(postMessage)`)};
  const url = URL.createObjectURL(new Blob([look], { type: 'text/javascript' }));
  const thread = new Worker(url, { type: 'module' });
  thread.onmessage = ({ data }) => resolve(data);
  thread.onerror = ({ message }) => reject(new Error(message));
})`;

type Names = Record<string, string[]>;

async function namesIn(expression: string): Promise<Names> {
  const asked = JSON.stringify(`${expression}.then(JSON.stringify)`);
  const code = `from pyodide.code import run_js\nprint(await run_js(${asked}))`;
  const { status, logs } = await sandbox.runCell('surface', code);
  expect({ status, logs }).toMatchObject({ status: 'ok' });
  return JSON.parse(logs) as Names;
}

test.skipIf(!sandbox.status.ok)(
  'code in Pyodide can name what was reviewed and nothing more, in its own thread and in another',
  { timeout: 60_000 },
  async () => {
    const lines = (await readFile(REVIEWED, 'utf8')).trimEnd().split('\n');
    const reviewed = Object.fromEntries(
      lines.map((line) => line.split(': ')).map(([kind, names]) => [kind!, names!.split(' ')]),
    );
    const found = [await namesIn(LOOK), await namesIn(LOOK_IN_A_THREAD)];
    for (const [kind, names] of found.flatMap((one) => Object.entries(one))) {
      const known = new Set(reviewed[kind]);
      expect({ [kind]: names.filter((name) => !known.has(name)) }).toEqual({ [kind]: [] });
    }
    expect(found[0]!['operations']).not.toEqual([]);
    await sandbox[Symbol.asyncDispose]();
  },
);
