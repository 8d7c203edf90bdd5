import fc from 'fast-check';
import { expect, test } from 'vitest';

import { bm25, cosine, fuse } from '../../retrieval/index.ts';

const corpus = { length: 100, averageLength: 100, documents: 1_000 };

test('bm25 is the textbook formula', () => {
  const score = bm25([{ frequency: 2, documentFrequency: 10 }], corpus);
  const idf = Math.log(1 + (1_000 - 10 + 0.5) / 10.5);
  expect(score).toBeCloseTo((idf * 2 * 2.2) / (2 + 1.2), 12);
});

test('a rarer word, a more frequent word and a shorter chunk weigh more', () => {
  const score = (frequency: number, documentFrequency: number, length = 100) =>
    bm25([{ frequency, documentFrequency }], { ...corpus, length });
  expect(score(1, 5)).toBeGreaterThan(score(1, 500));
  expect(score(3, 5)).toBeGreaterThan(score(1, 5));
  expect(score(1, 5, 50)).toBeGreaterThan(score(1, 5, 200));
});

test('bm25 is finite and not negative whatever the statistics say', () => {
  const count = fc.nat({ max: 1_000_000 });
  const term = fc.record({ frequency: count, documentFrequency: count });
  fc.assert(
    fc.property(fc.array(term), count, count, count, (terms, length, averageLength, documents) => {
      const score = bm25(terms, { length, averageLength, documents });
      expect(Number.isFinite(score)).toBe(true);
      expect(score).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('first place in every list scores 1, and agreement beats one good place', () => {
  expect(
    fuse([
      ['a', 'b'],
      ['a', 'c'],
    ])[0],
  ).toEqual({ id: 'a', score: 1 });
  expect(
    fuse([
      ['x', 'b'],
      ['y', 'b'],
    ])[0]?.id,
  ).toBe('b');
});

test('a list counts as much as its weight', () => {
  const fused = fuse([['a', 'b'], ['b']], 1, [0.25, 0.75]);
  expect(fused).toEqual([
    { id: 'b', score: 0.25 * (2 / 3) + 0.75 },
    { id: 'a', score: 0.25 },
  ]);
});

test('ties keep their order and a repeated id counts once', () => {
  expect(fuse([['a', 'a', 'b']])).toEqual(fuse([['a', 'b']]));
  expect(fuse([['a'], ['b']]).map(({ id }) => id)).toEqual(['a', 'b']);
  expect(fuse([])).toEqual([]);
});

test('fused scores are in (0, 1], best first, and of every id once', () => {
  const list = fc.uniqueArray(fc.nat({ max: 30 }));
  fc.assert(
    fc.property(fc.array(list, { minLength: 1, maxLength: 4 }), (lists) => {
      const fused = fuse(lists);
      expect(new Set(fused.map(({ id }) => id))).toEqual(new Set(lists.flat()));
      expect(fused.length).toBe(new Set(lists.flat()).size);
      fused.forEach(({ score }, index) => {
        expect(score).toBeGreaterThan(0);
        expect(score).toBeLessThanOrEqual(fused[index - 1]?.score ?? 1);
      });
    }),
  );
});

test('cosine of normalised vectors, and of what cannot be compared', () => {
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(1, 0))).toBe(1);
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(-1, 0))).toBe(-1);
  expect(cosine(Float32Array.of(1, 0), Float32Array.of(1, 0, 0))).toBe(0);
});
