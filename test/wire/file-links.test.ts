import { expect, test } from 'vitest';

import { findFileLinks, mentionsFiles } from '../../wire/file-links.ts';

const FILES = new Set([
  'a.csv',
  'a',
  'my report.csv',
  'plot (1).png',
  'out/deep/b.txt',
  '100%.txt',
  'größe 日本🎉.csv',
  "it's.txt",
]);

const paths = (text: string) => findFileLinks(text, (path) => FILES.has(path));
const link = (name: string) => `sandbox:/mnt/data/${name}`;

test.each([
  ['a Markdown link', `[here](${link('a.csv')})`, 'a.csv', 'a.csv'],
  ['the end of a sentence', `See ${link('a.csv')}.`, 'a.csv', 'a.csv'],
  ['the end of the text', link('a.csv'), 'a.csv', 'a.csv'],
  ['a longer sentence', `${link('a')}, and more`, 'a', 'a'],
  ['a name with a space', `[x](${link('my report.csv')})`, 'my report.csv', 'my report.csv'],
  ['%20', `[x](${link('my%20report.csv')})`, 'my%20report.csv', 'my report.csv'],
  ['brackets', `[x](${link('plot (1).png')})`, 'plot (1).png', 'plot (1).png'],
  ['encoded brackets', `(${link('plot%20%281%29.png')})`, 'plot%20%281%29.png', 'plot (1).png'],
  ['folders', `<${link('out/deep/b.txt')}>`, 'out/deep/b.txt', 'out/deep/b.txt'],
  ['a percent sign', link('100%.txt'), '100%.txt', '100%.txt'],
  ['an encoded percent sign', link('100%25.txt'), '100%25.txt', '100%.txt'],
  ['quotes', `"${link("it's.txt")}"`, "it's.txt", "it's.txt"],
])('finds a link: %s', (_, text, written, path) => {
  const start = text.indexOf('sandbox:');
  const found = { path, text: link(written), start, end: start + link(written).length };
  expect(paths(text)).toEqual([found]);
});

test('counts code points, and finds every occurrence', () => {
  const name = 'größe 日本🎉.csv';
  const text = `🎉🎉 ${link(name)} 🎉 ${link(encodeURIComponent(name))} ${link('a.csv')}`;
  const found = paths(text);
  expect(found.map(({ path }) => path)).toEqual([name, name, 'a.csv']);
  for (const one of found) {
    expect(Array.from(text).slice(one.start, one.end).join('')).toBe(one.text);
  }
});

test('leaves alone what names no file', () => {
  expect(paths(link('b.csv'))).toEqual([]);
  expect(paths(link('a.csvx'))).toEqual([]);
  expect(paths(link('a.tsv'))).toEqual([]);
  expect(paths(link('a/b'))).toEqual([]);
  expect(paths(link('../a.csv'))).toEqual([]);
  expect(paths(link(''))).toEqual([]);
  expect(paths(link('a\n.csv')).map(({ path }) => path)).toEqual(['a']);
  expect(paths('/mnt/data/a.csv')).toEqual([]);
  expect(paths(link('%E0%A4%A.csv'))).toEqual([]);
  expect(mentionsFiles('sandbox:/mnt/other')).toBe(false);
  expect(mentionsFiles(link('a.csv'))).toBe(true);
});

test('stays quick on a text made of links', () => {
  const started = process.cpuUsage();
  expect(paths(link('x').repeat(100_000))).toEqual([]);
  expect(paths(link('%'.repeat(2_000_000)))).toEqual([]);
  const { user, system } = process.cpuUsage(started);
  expect(user + system).toBeLessThan(5_000_000);
});
