import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { CodeDecoder } from '../../activities/model/answer/decode-code.ts';

/** Feeds the text in pieces that end wherever `cuts` says. */
function feed(text: string, cuts: number[]): { decoder: CodeDecoder; pieces: string[] } {
  const decoder = new CodeDecoder();
  const ends = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted((a, b) => a - b);
  const pieces = [...ends, text.length].map((end, index) =>
    decoder.push(text.slice(ends[index - 1] ?? 0, end)),
  );
  return { decoder, pieces };
}

const code = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('\ud83d\ude00"\\\n\u0007', '\\u0041\\"', ''),
);
const cuts = fc.array(fc.nat(2_000), { maxLength: 12 });

test('finds the code wherever the arguments are cut', () => {
  fc.assert(
    fc.property(code, cuts, fc.boolean(), (value, where, escaped) => {
      const json = JSON.stringify({ code: value });
      const text = escaped ? json.replace(/[^\x20-\x7e]/g, unicodeEscape) : json;
      const { decoder, pieces } = feed(text, where);
      expect(pieces.join('')).toBe(value);
      expect(decoder.finish()).toBe(value);
    }),
    { numRuns: 3_000 },
  );
});

test('skips other keys, however they are nested', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), code, cuts, (others, value, where) => {
      delete others.code;
      const text = JSON.stringify({ ...others, code: value }, null, 2);
      expect(feed(text, where).pieces.join('')).toBe(value);
    }),
    { numRuns: 3_000 },
  );
});

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

describe('arguments that are not the expected JSON', () => {
  test.each([
    ['print(1)', 'print(1)'],
    ['"print(1)"', 'print(1)'],
    ['{"source": "print(1)"}', ''],
    ['{"code": 7}', ''],
    ['{"code": "print(1', 'print(1'],
    ['', ''],
  ])('%s is taken for %j', (text, expected) => {
    const { decoder } = feed(text, [3, 7]);
    expect(decoder.finish()).toBe(expected);
  });
});
