/** The promises of docs/durability.md name tests that are there. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { testExists } from '../support/named-tests.ts';
import { ROOT } from './compose-file.ts';

const ROW = /\[`(test\/[^`]+)`\]\(\.\.\/([^)]+)\): "([^"]+)" +\|$/gm;

test('every promise names a test, and every test that is named exists', async () => {
  const text = await readFile(join(ROOT, 'docs/durability.md'), 'utf8');
  const promises = text.split(/^## (?=\d\. |Repeat)/m).filter((part) => /^\d\. /.test(part));
  expect(promises).toHaveLength(8);
  for (const promise of promises) {
    const rows = promise.split('\n').filter((line) => /^\| (?!what holds)[A-Z]/.test(line));
    const named = [...promise.matchAll(ROW)];
    expect(named.length).toBeGreaterThan(0);
    expect(named).toHaveLength(rows.length);
    for (const [, shown, link, name] of named) {
      expect(link).toBe(shown);
      expect(await testExists(shown!, name!), `${shown}: ${name}`).toBe(true);
    }
  }
});
