/** The documents against the code: the settings of the README, the links, and the services they name. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { loadConfig } from '../../config/config.ts';
import { ROOT, variables } from './compose-file.ts';

const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'examples/*.md', 'deploy/**/*.md'], {
  cwd: ROOT,
});

test('names in README.md only variables of config/settings.ts, with the defaults that hold', () => {
  const rows = read('README.md').matchAll(
    /^\| `([A-Z][A-Z_]+)`[^|]*\|\s*(?:`([^`]*)`)?[^|]*\|.*$/gm,
  );
  const named = [...rows].map(([, name, fallback]) => ({ name: name!, fallback }));
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(({ name }) => !variables().includes(name))).toEqual([]);
  for (const { name, fallback } of named) {
    expect(loadConfig({ [name]: fallback }), name).toEqual(loadConfig({}));
  }
});

test('keeps the README to a length that somebody reads', () => {
  expect(read('README.md').split('\n').length).toBeLessThan(200);
});

test('leads to every page: the README or the index of docs/ links it', () => {
  const linked = (file: string) =>
    [...read(file).matchAll(/\]\(([^)#]+)/g)].map(([, link]) => join(dirname(file), link!));
  const reached = [...linked('README.md'), ...linked('docs/README.md')];
  const pages = globSync(['docs/*.md', 'docs/decisions/*.md'], { cwd: ROOT });
  expect(pages.filter((page) => !reached.includes(page))).toEqual([]);
  const operations = globSync('docs/operations/*.md', { cwd: ROOT });
  const below = [...reached, ...linked('docs/operations.md')];
  expect(operations.filter((page) => !below.includes(page))).toEqual([]);
});

test('names in README.md only npm scripts that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...read('README.md').matchAll(/`npm run ([\w:]+)/g)].map(([, name]) => name!);
  expect(named).toEqual(expect.arrayContaining(['admin', 'import', 'batch', 'keys', 'doctor']));
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test.each(DOCUMENTS)('links in %s only to files that exist', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)];
  const missing = links.filter(([, link]) => !existsSync(join(ROOT, dirname(file), link!)));
  expect(missing.map(([, link]) => link)).toEqual([]);
});

test.each(DOCUMENTS)('links in %s only to headings that exist', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]*)#([^)\s]+)\)/g)];
  const missing = links.filter(([, target = '', anchor = '']) => {
    const page = target === '' ? file : join(dirname(file), target);
    return page.endsWith('.md') && !anchors(page).includes(anchor);
  });
  expect(missing.map(([link]) => link)).toEqual([]);
});

/** The anchors that a forge gives to the headings of a page. */
function anchors(page: string): string[] {
  const headings = read(page)
    .replace(/```.*?```/gs, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
