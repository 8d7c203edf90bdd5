import { describe, expect, test } from 'vitest';
import type { FileState } from '../../sandbox/pool/file-changes.ts';
import { fileChanges } from '../../sandbox/pool/file-changes.ts';

const limits = { maxFiles: 3, fileBytes: 100, cellFileBytes: 150 };
const file = (path: string, bytes = 1, stamp = 's') => ({ path, bytes, stamp });
const known = (...entries: [path: string, stamp: string, safe?: boolean][]) =>
  new Map<string, FileState>(entries.map(([path, stamp, safe = true]) => [path, { stamp, safe }]));
const paths = (files: { path: string }[]) => files.map(({ path }) => path);

test('new and changed files are to be stored, others are not', () => {
  const before = known(['same', 's'], ['other', 'old'], ['late', 's', false]);
  const listing = [file('late'), file('other'), file('same')];
  const { changed, removed, notSaved } = fileChanges(listing, before, new Set(), limits);
  expect({ changed: paths(changed), removed, notSaved }).toEqual({
    changed: ['late', 'other'],
    removed: [],
    notSaved: [],
  });
});

test('what storage has and the listing has not is to be removed', () => {
  const { removed } = fileChanges([file('a')], known(['a', 's']), new Set(['a', 'b']), limits);
  expect(removed).toEqual(['b']);
});

test('a file beyond a limit is named once, and what was stored of it is to be removed', () => {
  const large = file('large', 101);
  const first = fileChanges([large], known(['large', 'old']), new Set(['large']), limits);
  expect(first).toMatchObject({
    changed: [],
    removed: ['large'],
    notSaved: ['large (has more than 100 bytes)'],
  });
  expect(fileChanges([large], first.after, new Set(), limits).notSaved).toEqual([]);
  expect(
    fileChanges([file('large', 102, 't')], first.after, new Set(), limits).notSaved,
  ).toHaveLength(1);
  expect(
    paths(fileChanges([file('large', 2, 't')], first.after, new Set(), limits).changed),
  ).toEqual(['large']);
});

test('of too many, the first by name are kept, and the others when there is room', () => {
  const listing = ['a', 'b', 'c', 'd'].map((path) => file(path));
  const first = fileChanges(listing, new Map(), new Set(), limits);
  expect(paths(first.changed)).toEqual(['a', 'b', 'c']);
  expect(first.notSaved).toEqual(['d (and every file after it by name: 3 files can be saved)']);
  const second = fileChanges(listing.slice(1), first.after, new Set(['a', 'b', 'c']), limits);
  expect({ changed: paths(second.changed), removed: second.removed }).toEqual({
    changed: ['d'],
    removed: ['a'],
  });
});

test('of too much for one cell, the smallest are stored, and the others with the next', () => {
  const listing = [file('a', 90), file('b', 80), file('c', 10)];
  const first = fileChanges(listing, new Map(), new Set(), limits);
  expect(paths(first.changed)).toEqual(['c', 'b']);
  expect(first.notSaved).toEqual(['a (a cell can save 150 bytes)']);
  expect(paths(fileChanges(listing, first.after, new Set(['b', 'c']), limits).changed)).toEqual([
    'a',
  ]);
});

describe('a path that is none, or cannot be stored, is never to be stored:', () => {
  const names = [
    '',
    '.',
    '..',
    '../a',
    'a/../b',
    '/a',
    'a//b',
    'a/',
    'a\nb',
    'a\0b',
    '\u007f',
    '\ud800',
    'x'.repeat(1_001),
    'é'.repeat(501),
  ];
  test.each(names.map((name) => [JSON.stringify(name).slice(0, 20), name]))('%s', (_, path) => {
    const { changed, notSaved } = fileChanges([file(path)], new Map(), new Set(), limits);
    expect(changed).toEqual([]);
    expect(notSaved[0]?.isWellFormed()).toBe(true);
    expect(notSaved[0]?.length).toBeLessThan(150);
    expect(notSaved[0]).not.toMatch(/[\n\0\u007f]/);
  });
});
