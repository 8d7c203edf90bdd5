import { describe, expect, test } from 'vitest';

import type { AnswerPiece } from '../../wire/citations.ts';
import { CitationReader, markOf } from '../../wire/citations.ts';

const SOURCES = new Map([
  ['4:0', 'file-a'],
  ['4:11', 'file-b'],
]);

/** The answer in pieces of `size` UTF-16 units: what was cited, and the text that came out. */
function read(answer: string, size: number) {
  const reader = new CitationReader(SOURCES);
  const pieces: AnswerPiece[] = [];
  for (let at = 0; at < answer.length; at += size) {
    pieces.push(...reader.push(answer.slice(at, at + size)));
  }
  pieces.push(...reader.end());
  return {
    text: pieces.map(({ text }) => text).join(''),
    citations: pieces.flatMap(({ citation }) => citation ?? []),
  };
}

const ANSWER =
  '🐟 live in water【4:0†fish.txt】, says 【4:11†source】【4:0†fish.txt】. 【9:9†x】 【4:0';

describe.each([1, 2, 3, 5, 8, 1000])('an answer in pieces of %i', (size) => {
  test('is unchanged, and every mark of a result is a citation', () => {
    const { text, citations } = read(ANSWER, size);
    expect(text).toBe(ANSWER);
    expect(citations.map(({ fileId }) => fileId)).toEqual(['file-a', 'file-b', 'file-a']);
    for (const { start, end, text: mark } of citations) {
      expect(Array.from(ANSWER).slice(start, end).join('')).toBe(mark);
    }
  });
});

test('holds back nothing but what may become a mark', () => {
  const reader = new CitationReader(SOURCES);
  expect(reader.push('Fish【4')).toMatchObject([{ text: 'Fish' }]);
  expect(reader.push(' or')).toMatchObject([{ text: '【4 or' }]);
  expect(reader.push('【4:0†a\n')).toMatchObject([{ text: '【4:0†a\n' }]);
});

test('gives up on a mark that does not end', () => {
  const reader = new CitationReader(SOURCES);
  const text = `【4:0†${'x'.repeat(500)}`;
  expect(reader.push(text)).toMatchObject([{ text }]);
});

test('a mark survives any file name', () => {
  const mark = markOf(4, 0, 'a【b】†c\n.txt');
  expect(new CitationReader(SOURCES).push(mark)).toMatchObject([
    { citation: { fileId: 'file-a' } },
  ]);
});
