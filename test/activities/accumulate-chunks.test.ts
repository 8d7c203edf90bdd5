/** Usage as servers report it: once at the end, or with every chunk what it is so far. */
import { expect, test } from 'vitest';

import { ChunkAccumulator } from '../../activities/model/answer/accumulate-chunks.ts';

const RULES = { offered: new Set<string>(), maxCalls: 128, thinking: 'strip' } as const;

function usageOf(reports: (object | null)[]) {
  const answer = new ChunkAccumulator(RULES);
  for (const usage of reports) {
    answer.push({ choices: [{ delta: { content: 'word ' }, finish_reason: null }], usage });
  }
  return answer.usage;
}

test('the last report of usage counts, and reports are not added up', () => {
  const report = (completion_tokens: number) => ({ prompt_tokens: 10, completion_tokens });
  expect(usageOf([report(1), report(2), report(3)])).toEqual({
    prompt_tokens: 10,
    completion_tokens: 3,
    cached_tokens: 0,
    reasoning_tokens: 0,
  });
  expect(usageOf([null, report(3), null])).toMatchObject({
    prompt_tokens: 10,
    completion_tokens: 3,
  });
  expect(usageOf([null, null])).toBeUndefined();
});
