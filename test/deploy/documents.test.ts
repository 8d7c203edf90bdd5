/** The documents against the code: the tables of settings, the links, and the services they name. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { loadConfig } from '../../config/config.ts';
import { ROOT, variablesRead } from './compose-file.ts';

const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'examples/*.md', 'deploy/**/*.md'], {
  cwd: ROOT,
});

test('lists in docs/operations.md every variable that config/config.ts reads, and no other', () => {
  const named = settings('docs/operations.md').map(({ name }) => name);
  expect(named.toSorted()).toEqual([...variablesRead(loadConfig)].toSorted());
});

test('names in README.md only variables that config/config.ts reads', () => {
  const read = variablesRead(loadConfig);
  expect(settings('README.md').filter(({ name }) => !read.has(name))).toEqual([]);
});

test.each(['README.md', 'docs/operations.md'])('gives in %s the defaults that hold', (file) => {
  const defaults = loadConfig({});
  const given = settings(file).filter(({ fallback }) => fallback !== undefined);
  expect(given.length).toBeGreaterThan(3);
  for (const { name, fallback } of given) {
    expect(loadConfig({ [name]: fallback }), name).toEqual(defaults);
  }
});

test('lists every option of npm start in the README', () => {
  const options = [...read('bin/serve/options.ts').matchAll(/^ {2}(--[a-z-]+) </gm)];
  expect(options.length).toBeGreaterThan(3);
  for (const [, option] of options) expect(read('README.md')).toContain(`\`${option}\``);
});

test('keeps the README to a length that somebody reads', () => {
  expect(read('README.md').split('\n').length).toBeLessThan(200);
});

test.each(DOCUMENTS)('links in %s only to files that exist', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)];
  const missing = links.filter(([, link]) => !existsSync(join(ROOT, dirname(file), link!)));
  expect(missing.map(([, link]) => link)).toEqual([]);
});

type Setting = { name: string; fallback: string | undefined };

/** Rows such as: | `PORT`, `--port` | `8080` | … |, of which a default is code and anything else is an explanation. */
function settings(file: string): Setting[] {
  const rows = read(file).matchAll(/^\| `([A-Z][A-Z_]+)`[^|]*\|\s*(?:`([^`]*)`)?[^|]*\|.*$/gm);
  return [...rows].map(([, name, fallback]) => ({ name: name!, fallback }));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
