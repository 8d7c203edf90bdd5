import { expect, test } from 'vitest';

import { pendingImages } from '../../activities/model/request/pending-images.ts';
import type { CodeOutput, RunStepRow } from '../../wire/rows.ts';

const code = (...images: string[]): RunStepRow => {
  const outputs: CodeOutput[] = images.map((file_id) => ({ type: 'image', image: { file_id } }));
  return step('tool_calls', 'completed', [{ type: 'logs', logs: 'x' }, ...outputs]);
};
const told = (status: RunStepRow['status'] = 'completed') => step('message_creation', status);

function step(
  type: RunStepRow['type'],
  status: RunStepRow['status'],
  outputs?: CodeOutput[],
): RunStepRow {
  const tool_calls = outputs === undefined ? [] : [{ result: { outputs } }];
  return { type, status, tool_calls } as unknown as RunStepRow;
}

test('images wait for the next message of the run, in order', () => {
  expect(pendingImages([])).toEqual([]);
  expect(pendingImages([code('a', 'b'), code('c')])).toEqual(['a', 'b', 'c']);
  expect(pendingImages([code('a'), told(), code('b')])).toEqual(['b']);
  expect(pendingImages([told(), code('a'), told()])).toEqual([]);
});

test('a message that was cut off has not shown its images', () => {
  expect(pendingImages([code('a'), told('failed')])).toEqual(['a']);
});
