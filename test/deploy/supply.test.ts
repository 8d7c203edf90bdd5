import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Of SPDX. MPL-2.0 is Pyodide's, whose files are not changed here; CC-BY-4.0 that of data which only a build reads. */
const ALLOWED = new Set(
  'MIT,MIT-0,Apache-2.0,Apache-2.0 AND MIT,BSD-2-Clause,BSD-3-Clause,0BSD,ISC,Unlicense,BlueOak-1.0.0,MPL-2.0,CC-BY-4.0'.split(
    ',',
  ),
);
/** Their manifests name no license; that of unionfs's repository is the Unlicense. */
const READ_BY_HAND = ['node_modules/unionfs'];

test('every package of production has a license that was looked at', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; license?: string }>;
  };
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
  expect(production.length).toBeGreaterThan(100);
  const others = production.filter(([, { license = '' }]) => !ALLOWED.has(license));
  expect(others.map(([path]) => path)).toEqual(READ_BY_HAND);
});

// Its last change is of 2021, so it reads hostile files in a process without rights only.
test('the reader of old Word files is imported by the parsing process alone', () => {
  const importers = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/(^|\/)(node_modules|test|\.\w+)\//.test(path))
    .filter((path) => /from 'word-extractor'|import\('word-extractor'/.test(read(path)));
  expect(importers).toEqual(['retrieval/parser/doc.ts']);
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
