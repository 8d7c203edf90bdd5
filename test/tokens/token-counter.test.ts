import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { cachedCounts } from '../../tokens/slice-cache.ts';
import { TokenCounter } from '../../tokens/token-counter.ts';
import { countTokens } from '../../wire/tokens.ts';

let counter: TokenCounter;
beforeAll(() => {
  counter = new TokenCounter();
});
afterAll(() => counter[Symbol.asyncDispose]());

/** Letters that no piece of the encoding's vocabulary covers: the costliest text there is. */
function letters(length: number, seed = 1): string {
  let state = seed;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(97 + (state % 26));
  }).join('');
}

test('counts exactly what counting at once would give, for any text', async () => {
  const texts = [
    '',
    'Hi',
    letters(7_999),
    letters(8_000),
    letters(8_001),
    letters(40_003, 7),
    'Ein Satz mit Wörtern. '.repeat(3_000),
    '数学🙂'.repeat(6_667),
    `x${'🙂'.repeat(9_999)}`,
    `${'a'.repeat(1_999)}\ud800${'b'.repeat(9_000)}`,
    '<|endoftext|> '.repeat(2_000),
  ];
  expect(await counter.count('a', texts)).toEqual(texts.map(countTokens));
  for (const text of texts) expect(await counter.count('a', [text])).toEqual([countTokens(text)]);
  expect(await counter.sum('a', texts)).toBe(
    texts.map(countTokens).reduce((sum, tokens) => sum + tokens),
  );
});

test('leaves the event loop free while it counts megabytes', async () => {
  let turns = 0;
  let counted = false;
  const done = counter.count('a', [letters(400_000, 3)]).then(() => (counted = true));
  while (!counted) {
    await nextTurn();
    turns += 1;
  }
  await done;
  // The loop turns at least between two slices.
  expect(turns).toBeGreaterThan(400_000 / 8_000);
});

test('owners take turns, and so do the texts of one owner', async () => {
  const ended: string[] = [];
  const ends = (name: string, owner: string, length: number) =>
    counter.count(owner, [letters(length, length)]).then(() => ended.push(name));
  await Promise.all([
    ...Array.from({ length: 20 }, (_, at) => ends(`flood ${at}`, 'flooding', 80_000 + at)),
    ends('short of the same owner', 'flooding', 8_001),
    ends('other', 'other', 16_001),
    ends('third', 'third', 2_000),
  ]);
  expect(ended.slice(0, 3)).toEqual(['third', 'other', 'short of the same owner']);
});

test('refuses text of an owner that has too much waiting, and of no other', async () => {
  const bounded = new TokenCounter(20_000);
  const long = bounded.count('a', [letters(30_000)]);
  await expect(bounded.count('a', [letters(9_000)])).rejects.toMatchObject({ status: 429 });
  expect(await bounded.count('b', [letters(9_000)])).toHaveLength(1);
  await long;
  expect(await bounded.count('a', [letters(9_000)])).toHaveLength(1);
  await bounded[Symbol.asyncDispose]();
});

test('rejects what waits when it is closed', async () => {
  const closing = new TokenCounter();
  const waiting = [closing.count('a', [letters(100_000)]), closing.count('b', [letters(9_000)])];
  const ends = Promise.allSettled(waiting);
  await closing[Symbol.asyncDispose]();
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('counts a long text that comes again from memory, which is bounded', () => {
  const counted: string[] = [];
  const count = cachedCounts((text) => {
    counted.push(text);
    return text.length;
  }, 2);
  const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(1_000)) as [
    string,
    string,
    string,
  ];
  for (const text of [one, two, one, one, three, one]) expect(count(text)).toBe(1_000);
  expect(counted).toEqual([one, two, three]);
  count(two);
  expect(counted).toEqual([one, two, three, two]);
  count('short');
  count('short');
  expect(counted).toHaveLength(6);
});
