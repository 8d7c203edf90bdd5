/** What cells give in a notebook: one table for every backend. */
import { afterAll, describe, expect, test } from 'vitest';
import type { TestSandbox } from './index.ts';
import { AWAITS, DISPLAYS, OUTPUT, SOURCES } from './notebook-cells.ts';
import type { Options, Row } from './notebook-row.ts';
import { RESTART } from './notebook-row.ts';
import { SIGNALS, STATE } from './notebook-state.ts';

const TABLE: Record<string, Row[]> = {
  'a cell of a notebook gives': SOURCES,
  'a cell of a notebook may have': AWAITS,
  'a notebook displays': DISPLAYS,
  'a notebook shows': OUTPUT,
  'the state of a notebook keeps': STATE,
  'code of a notebook may use signals:': SIGNALS,
};

/** Runs the table; `backend` is what its differences name. */
export function describeNotebook(sandbox: TestSandbox, backend: 'bubblewrap' | 'pyodide'): void {
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const has = (name: string) => sandbox.status.packages.some((entry) => entry.startsWith(name));
  describe.skipIf(!sandbox.status.ok).each(Object.entries(TABLE))('%s', (_, rows) => {
    for (const row of rows) {
      const { name, cells, gives, options } = read(row);
      const difference = backend === 'pyodide' ? options.pyodide : undefined;
      const skipped = difference !== undefined && 'skip' in difference;
      const missing = options.needs !== undefined && !has(options.needs);
      const title = difference === undefined ? name : `${name} (${difference.reason})`;
      test.skipIf(skipped || missing)(title, { timeout: 120_000 }, async () => {
        const expected =
          difference !== undefined && 'gives' in difference ? difference.gives : gives;
        const given = await lastOutput(sandbox, name, cells);
        if (typeof expected === 'string') expect(given).toBe(expected);
        else expect(given).toMatch(expected);
      });
    }
  });
}

function read(row: Row) {
  const parts = [...row];
  const options = (
    typeof parts.at(-1) === 'object' && !(parts.at(-1) instanceof RegExp) ? parts.pop() : {}
  ) as Options;
  const gives = parts.pop() as string | RegExp;
  const [name, ...cells] = parts as string[];
  return { name: name!, cells, gives, options };
}

async function lastOutput(sandbox: TestSandbox, session: string, cells: string[]): Promise<string> {
  let given = '';
  for (const cell of cells) {
    if (cell === RESTART) {
      await sandbox.sandbox.dropInterpreter(session);
      continue;
    }
    const { outputs } = await sandbox.runCell(session, cell);
    given = outputs.map((output) => (output.type === 'logs' ? output.logs : '[image]')).join('');
  }
  await sandbox.sandbox.dropInterpreter(session);
  return given;
}
