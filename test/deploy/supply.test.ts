import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

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
