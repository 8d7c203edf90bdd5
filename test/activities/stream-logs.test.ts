import { expect, test } from 'vitest';
import { continueOutputs, shownSoFar } from '../../activities/stream-logs.ts';

const AGAIN = '\n[The cell was interrupted and ran again.]\n';
const logs = (text: string) => ({ type: 'logs' as const, logs: text });
const image = { type: 'image' as const, png: Buffer.from('png') };

test('shows what a cell prints for the first time', () => {
  expect(['', 'a', 'ab'].map((text) => shownSoFar('', text))).toEqual(['', 'a', 'ab']);
});

test('shows nothing twice of a cell that prints the same again', () => {
  expect(['', 'a', 'ab', 'abc'].map((text) => shownSoFar('ab', text))).toEqual([
    'ab',
    'ab',
    'ab',
    'abc',
  ]);
  expect(continueOutputs('ab', [logs('abc'), image])).toEqual([logs('abc'), image]);
});

test('says that a cell ran again when it prints something else, and keeps what was seen', () => {
  expect(['a', 'ax', 'axy'].map((text) => shownSoFar('ab', text))).toEqual([
    'ab',
    `ab${AGAIN}ax`,
    `ab${AGAIN}axy`,
  ]);
  expect(continueOutputs('ab', [logs('axy')])).toEqual([logs(`ab${AGAIN}axy`)]);
});

test('keeps what was seen of a cell that prints less, an image first, or nothing', () => {
  expect(continueOutputs('ab', [logs('a')])).toEqual([logs(`ab${AGAIN}a`)]);
  expect(continueOutputs('ab', [image])).toEqual([logs(`ab${AGAIN}`), image]);
  expect(continueOutputs('ab', [])).toEqual([logs(`ab${AGAIN}`)]);
});
