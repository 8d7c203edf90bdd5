/** docs/models.md against the schemas of MODELS_FILE. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { DEFAULT_PROFILE, MODEL_FIELDS, readModelsFile } from '../../config/models-file.ts';
import { ROOT } from './compose-file.ts';

const document = readFileSync(join(ROOT, 'docs/models.md'), 'utf8');

/** The first cells of the table whose head begins with `title`. */
function fields(title: string): Map<string, string> {
  const table = document.slice(document.indexOf(`| ${title} `)).split('\n\n')[0]!;
  const rows = table.matchAll(/^\| `(\w+)`\s*\| (?:`([^`|]*)` |[^|]*)/gm);
  return new Map([...rows].map(([, name, second]) => [name!, second ?? '']));
}

test('lists every field of a model', () => {
  expect([...fields('Field of a model').keys()].toSorted()).toEqual([...MODEL_FIELDS].toSorted());
});

test('lists every field of a profile with its default', () => {
  const documented = Object.fromEntries(fields('Field of a profile'));
  const defaults = Object.entries(DEFAULT_PROFILE).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  expect(documented).toEqual(Object.fromEntries(defaults));
});

test('has only models files that can be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'threadmill-models-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'models.json');
  const examples = [...document.matchAll(/```json\n([^]*?)```/g)];
  expect(examples.length).toBeGreaterThan(2);
  for (const [, example] of examples) {
    writeFileSync(path, example!);
    expect(() => readModelsFile(path)).not.toThrow();
  }
});
