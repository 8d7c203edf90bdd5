/** Cutting text, on random text: what holds for every chunk, however the text arrives. */
import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/cl100k_base';
import { expect, test } from 'vitest';

import { createChunker } from '../../retrieval/chunk-text.ts';
import type { Piece } from '../../retrieval/chunk-text.ts';
import type { Chunk } from '../../retrieval/index.ts';
import { unitReader } from '../../retrieval/units.ts';

const PLAIN = { disallowedSpecial: new Set<string>() };

/** Prose, code, numbers, other scripts, emoji with joiners, odd white space, control tokens and long runs. */
const word = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[a-zA-Z]{1,12}$/) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ' ',
      ' ',
      ' ',
      '. ',
      ', ',
      '\n',
      '\n\n',
      '.\n',
      '? ',
      '\r\n',
      '\t',
      '\n \n',
    ),
  },
  fc.constantFrom(
    '3.5',
    'e.g.',
    "don't",
    '(x)',
    '"end."',
    '<|endoftext|>',
    '=>',
    '{\n    ',
    '// ',
    '—',
    '\u00a0',
    '\u2028',
  ),
  fc.constantFrom(
    '日本語の文章です。',
    'Привет',
    'नमस्ते',
    'สวัสดีครับ',
    '😀',
    '👩‍👩‍👧‍👦',
    '🇫🇷',
    '𝒳',
    'e\u0301',
    '\ufeff',
  ),
  fc
    .tuple(fc.constantFrom('a', ' ', '-', '\n', '9', '字', '😀'), fc.integer({ min: 20, max: 400 }))
    .map(([c, n]) => c.repeat(n)),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const text = fc.array(word, { maxLength: 600, size: 'max' }).map((words) => words.join(''));
const options = fc
  .record({ maxTokens: fc.integer({ min: 100, max: 400 }), share: fc.integer({ min: 0, max: 50 }) })
  .map(({ maxTokens, share }) => ({
    maxTokens,
    overlapTokens: Math.floor((maxTokens * share) / 100),
  }));

test('every chunk is the text of its range, within the budget, and all but white space is in one', () => {
  fc.assert(
    fc.property(text, options, (whole, chunking) => {
      const chunks = cut([{ text: whole }], chunking);
      const codePoints = Array.from(whole);
      const covered = new Uint8Array(codePoints.length);
      for (const chunk of chunks) {
        expect(chunk.text).toBe(codePoints.slice(chunk.start, chunk.end).join(''));
        expect(chunk.text.isWellFormed()).toBe(true);
        expect(chunk.tokens).toBeLessThanOrEqual(chunking.maxTokens);
        const recount = countTokens(chunk.text, PLAIN) - longRuns(chunk.text);
        expect(recount).toBeLessThanOrEqual(chunking.maxTokens);
        covered.fill(1, chunk.start, chunk.end);
      }
      const missing = codePoints.filter((_, index) => covered[index] === 0).join('');
      expect(missing.trim()).toBe('');
    }),
    { numRuns: 100 },
  );
});

test('chunks overlap by no more than what is asked for, and each goes further than the last', () => {
  fc.assert(
    fc.property(text, options, (whole, chunking) => {
      const codePoints = Array.from(whole);
      const chunks = cut([{ text: whole }], chunking);
      chunks.slice(1).forEach((chunk, index) => {
        const previous = chunks[index];
        if (previous === undefined || chunk.start >= previous.end) return;
        const shared = codePoints.slice(chunk.start, previous.end).join('');
        expect(tokensOf(shared) - longRuns(shared)).toBeLessThanOrEqual(chunking.overlapTokens);
        // A unit has at most 100 tokens, and the next window needs room for one that is new.
        const least = Math.min(chunking.overlapTokens, chunking.maxTokens - 100) - 100;
        expect(tokensOf(shared) + longRuns(shared)).toBeGreaterThanOrEqual(least);
        expect(chunk.start).toBeGreaterThan(previous.start);
        expect(chunk.end).toBeGreaterThan(previous.end);
      });
    }),
    { numRuns: 100 },
  );
});

test('words of one token overlap by exactly what is asked for', () => {
  const whole = ' word'.repeat(500);
  for (const [maxTokens, overlapTokens] of [
    [100, 50],
    [120, 20],
    [100, 0],
  ] as const) {
    const chunks = cut([{ text: whole }], { maxTokens, overlapTokens });
    const shared = chunks.slice(1).map((chunk, index) => chunks[index]!.end - chunk.start);
    expect(new Set(shared)).toEqual(new Set([overlapTokens * ' word'.length]));
  }
});

test('how the text arrives does not change its chunks', () => {
  fc.assert(
    fc.property(text, options, fc.integer({ min: 1, max: 50 }), (whole, chunking, step) => {
      const pieces: Piece[] = [];
      const codePoints = Array.from(whole);
      for (let at = 0; at < codePoints.length; at += step) {
        pieces.push({ text: codePoints.slice(at, at + step).join('') });
      }
      expect(cut(pieces, chunking)).toEqual(cut([{ text: whole }], chunking));
    }),
    { numRuns: 100 },
  );
});

test('ordinary text has the tokens that the encoding has', () => {
  const prose = 'It was the best of times, it was the worst of times. '.repeat(40);
  const code =
    'export function add(a: number, b: number): number {\n  return a + b; // 1234567\n}\n\n'.repeat(
      20,
    );
  for (const sample of [prose, code]) {
    for (const chunk of cut([{ text: sample }], { maxTokens: 200, overlapTokens: 100 })) {
      expect(chunk.tokens).toBe(countTokens(chunk.text, PLAIN));
    }
  }
});

test('a window ends after a paragraph, else a line, else a sentence, else a word', () => {
  const words = (count: number) => Array.from({ length: count }, () => 'word').join(' ');
  const first = (whole: string) =>
    cut([{ text: whole }], { maxTokens: 100, overlapTokens: 0 })[0]?.text;
  expect(first(`${words(87)}.\n\n${words(5)}.\n${words(50)}`)).toBe(`${words(87)}.\n\n`);
  expect(first(`${words(87)}.\n${words(5)}. ${words(50)}`)).toBe(`${words(87)}.\n`);
  expect(first(`${words(90)}. ${words(50)}`)).toBe(`${words(90)}.`);
  expect(first(`${words(90)} 3.5 e.g., ${words(50)}`)).toMatch(/ word$/);
  expect(first(words(150))).toBe(words(100));
});

test('a stop far from the end of the window is no reason to cut', () => {
  const whole = `One. Two.\n\n${'word '.repeat(200)}`;
  const [chunk] = cut([{ text: whole }], { maxTokens: 100, overlapTokens: 50 });
  expect(chunk?.tokens).toBeGreaterThan(85);
});

test('a chunk has the page on which its text begins', () => {
  const chunks = cut(
    [
      { text: `${'one '.repeat(150)}\n\n`, page: 1 },
      { text: 'two '.repeat(150), page: 2 },
      { text: 'three', page: 3 },
    ],
    { maxTokens: 100, overlapTokens: 0 },
  );
  for (const chunk of chunks) {
    const word = /\S+/.exec(chunk.text)?.[0];
    expect(chunk.page).toBe(word === 'one' ? 1 : word === 'two' ? 2 : 3);
  }
  expect(cut([{ text: 'no pages' }], { maxTokens: 100, overlapTokens: 0 })[0]?.page).toBeNull();
});

test('white space alone makes no chunk, and sizes outside of the limits are refused', () => {
  expect(cut([{ text: ' \n'.repeat(10_000) }], { maxTokens: 100, overlapTokens: 50 })).toEqual([]);
  expect(cut([], { maxTokens: 100, overlapTokens: 50 })).toEqual([]);
  expect(() => createChunker({ maxTokens: 99, overlapTokens: 0 })).toThrow(RangeError);
  expect(() => createChunker({ maxTokens: 100, overlapTokens: 51 })).toThrow(RangeError);
});

function cut(pieces: Piece[], chunking: { maxTokens: number; overlapTokens: number }): Chunk[] {
  const chunker = createChunker(chunking);
  return [...pieces.flatMap((piece) => [...chunker.push(piece)]), ...chunker.end()];
}

/** Runs of one kind are counted in parts of 24 characters, which can be a token more or less than the whole has. */
function longRuns(whole: string): number {
  const runs = whole.match(/[\p{L}]{24,}|[^\s\p{L}\p{N}]{22,}[\r\n]*|\s{23,}/gu) ?? [];
  return runs.reduce((parts, run) => parts + Math.ceil(run.length / 22), 0);
}

function tokensOf(whole: string): number {
  return [...unitReader()(whole, true)].reduce((sum, unit) => sum + unit.tokens, 0);
}
