/** Every seeded bug still fits the sources, and the tests that have to notice it are there. `npm run mutants` tries them. */
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { testExists } from '../support/named-tests.ts';
import { MUTATIONS } from './catalogue/index.ts';
import type { Edit } from './mutation.ts';
import { applyEdit } from './mutation.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

async function sourcesAfter(edits: Edit[]): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for (const edit of edits) {
    const source = sources.get(edit.file) ?? (await readFile(`${ROOT}/${edit.file}`, 'utf8'));
    sources.set(edit.file, applyEdit(source, edit));
  }
  return sources;
}

test('there are at least forty, each with a name of its own', () => {
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(40);
  expect(new Set(MUTATIONS.map(({ id }) => id)).size).toBe(MUTATIONS.length);
});

test.each(MUTATIONS)('$id', async ({ edits, caughtBy }) => {
  const changed = await sourcesAfter(edits);
  for (const [file, source] of changed) {
    expect(source).not.toBe(await readFile(`${ROOT}/${file}`, 'utf8'));
    // What does not compile is noticed by every test, which says nothing.
    if (file.endsWith('.ts')) expect(() => stripTypeScriptTypes(source)).not.toThrow();
  }
  expect(caughtBy).not.toEqual([]);
  for (const { file, test: name } of caughtBy) {
    expect(await testExists(file, name), `${file}: ${name}`).toBe(true);
  }
});
