/** What fits exactly is kept: every cut is of what has no room. */
import { expect, test } from 'vitest';

import { fitFirst, shareRoom } from '../../activities/turn/fit-context.ts';

const AUTO = { type: 'auto', last_messages: null } as const;

/** A thread's first message, which lies before the window, and the messages of the window. */
const messages = (...tokens: number[]) => tokens.map((size, seq) => ({ seq, tokens: size }));
const seqsOf = (kept: { seq: number }[]) => kept.map(({ seq }) => seq);

test.each([
  { budget: 70, kept: [0, 1, 2, 3], why: 'all of it fits exactly' },
  { budget: 69, kept: [0, 2, 3], why: 'one token less costs the oldest of the window' },
  { budget: 50, kept: [0, 2, 3], why: 'the rest fits exactly' },
  { budget: 49, kept: [0, 3], why: 'one token less costs the next' },
  { budget: 40, kept: [0, 3], why: 'the newest stays beside the first' },
])('keeps $kept of sizes 10, 20, 20, 20 in a budget of $budget: $why', ({ budget, kept }) => {
  expect(seqsOf(fitFirst(messages(10, 20, 20, 20), 1, budget, AUTO))).toEqual(kept);
});

test('gives up a first message that is worth more than a quarter of the budget', () => {
  expect(seqsOf(fitFirst(messages(25, 20), 1, 100, AUTO))).toEqual([0, 1]);
  expect(seqsOf(fitFirst(messages(26, 20), 1, 100, AUTO))).toEqual([1]);
});

test('leaves a window alone that begins with the first message, and the last messages that were asked for', () => {
  expect(seqsOf(fitFirst(messages(90, 90), 0, 100, AUTO))).toEqual([0, 1]);
  const last = { type: 'last_messages', last_messages: 2 } as const;
  expect(seqsOf(fitFirst(messages(10, 20, 20), 1, 100, last))).toEqual([1, 2]);
});

test('cuts nothing of texts that fit together exactly', () => {
  const texts = ['a', 'b'].map((text) => ({ text: text.repeat(200), tokens: 50 }));
  expect(shareRoom(texts, 100)).toEqual(texts);
  expect(shareRoom(texts, 99).map(({ tokens }) => tokens)).toEqual([49, 50]);
});
