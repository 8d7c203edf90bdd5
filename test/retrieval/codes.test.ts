import fc from 'fast-check';
import { expect, test } from 'vitest';

import { toCode } from '../../retrieval/index.ts';

const floats = (dimensions: number) =>
  fc.float32Array({ minLength: dimensions, maxLength: dimensions, noNaN: true, min: -1, max: 1 });

test('a vector of fewer than 1,024 dimensions gets three bits a dimension', () => {
  const threshold = 0.6 / Math.sqrt(4);
  const vector = Float32Array.of(
    threshold * 1.1,
    threshold * 0.9,
    -threshold * 0.9,
    -threshold * 1.1,
  );
  expect(toCode(vector)).toBe('111011001000');
});

test('a vector of 1,024 dimensions and more gets the sign of each', () => {
  const vector = new Float32Array(1024).fill(-1);
  vector[0] = 0.1;
  vector[1] = 0;
  expect(toCode(vector)).toBe(`1${'0'.repeat(1023)}`);
});

test('codes of equal length are at the distance of their levels', () => {
  fc.assert(
    fc.property(floats(32), floats(32), (a, b) => {
      const [left, right] = [toCode(a), toCode(b)];
      expect(left).toMatch(/^[01]{96}$/);
      expect(distance(left, right)).toBe(
        levels(a).reduce((sum, level, i) => sum + Math.abs(level - (levels(b)[i] ?? 0)), 0),
      );
    }),
  );
});

test('near vectors have nearer codes than far ones', () => {
  const dimensions = 256;
  const query = unit(dimensions, 1);
  const near = mix(query, unit(dimensions, 2), 0.3);
  const far = unit(dimensions, 3);
  expect(distance(toCode(query), toCode(near))).toBeLessThan(distance(toCode(query), toCode(far)));
});

function levels(vector: Float32Array): number[] {
  const threshold = 0.6 / Math.sqrt(vector.length);
  return [...vector].map((x) => Number(x > -threshold) + Number(x > 0) + Number(x > threshold));
}

function distance(a: string, b: string): number {
  return a.split('').filter((bit, index) => bit !== b[index]).length;
}

/** A repeatable direction: what it is does not matter, only that seeds give unlike ones. */
function unit(dimensions: number, seed: number): Float32Array {
  const values = Float32Array.from(
    { length: dimensions },
    (_, i) => Math.sin((i + 1) * seed * 12.9898) % 1,
  );
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function mix(a: Float32Array, b: Float32Array, share: number): Float32Array {
  return a.map((value, index) => value * (1 - share) + (b[index] ?? 0) * share);
}
