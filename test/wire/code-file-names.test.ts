import { expect, test } from 'vitest';

import { nameFiles } from '../../wire/code-file-names.ts';

const named = (...filenames: string[]) => [
  ...nameFiles(filenames.map((filename, index) => ({ id: `id-${index}`, filename }))).values(),
];

test('keeps names as they are, also with spaces and in other alphabets', () => {
  expect(named('data.csv', 'größe 日本.xlsx', '.env', 'a')).toEqual([
    'data.csv',
    'größe 日本.xlsx',
    '.env',
    'a',
  ]);
});

test('takes the last part of a path, and replaces what a name cannot hold', () => {
  expect(named('../../etc/passwd', 'C:\\data\\x.csv', 'a\u0000b\nc.txt', '..', '', '/')).toEqual([
    'passwd',
    'x.csv',
    'a_b_c.txt',
    'file',
    'file-2',
    'file-3',
  ]);
});

test('gives every file a name of its own', () => {
  expect(named('a.csv', 'a.csv', 'a-2.csv', 'a.csv', 'id-0', 'x/a.csv')).toEqual([
    'a.csv',
    'a-2.csv',
    'a-2-2.csv',
    'a-3.csv',
    'id-0-2',
    'a-4.csv',
  ]);
});

test('shortens long names at a character, and keeps their extension', () => {
  const [short, next] = named(`${'日'.repeat(300)}.csv`, `${'日'.repeat(300)}.csv`);
  for (const name of [short!, next!]) {
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^日+(-2)?\.csv$/);
  }
  expect(next).not.toBe(short);
});
