/** Answers of model servers as they pass by: what is read of their tokens. */
import { expect, test } from 'vitest';

import { createUsageMeter } from '../../api/passthrough/usage-meter.ts';
import { chunk, event } from '../support/fake-upstream.ts';

const COUNTS = { promptTokens: 5, completionTokens: 2, totalTokens: 7 };
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const details = {
  prompt_tokens_details: { cached_tokens: 1 },
  cost: { parts: { total_tokens: 9 } },
};

/** Fed in pieces of `size` bytes. */
function read(answer: string, isStream: boolean, size = 7) {
  const meter = createUsageMeter(isStream);
  const bytes = Buffer.from(answer);
  for (let at = 0; at < bytes.length; at += size) meter.read(bytes.subarray(at, at + size));
  return { ...meter.end(), id: meter.responseId() };
}

test.each([
  ['usage at the end', { choices: [{ message: { content: 'Hi' } }], usage }, COUNTS],
  ['usage before everything else', { usage, data: [{ embedding: [0.1] }] }, COUNTS],
  ['details in between', { usage: { ...details, ...usage } }, COUNTS],
  ['the names of responses', { usage: { input_tokens: 5, output_tokens: 2 } }, COUNTS],
  [
    'only a prompt',
    { usage: { prompt_tokens: 8, total_tokens: 8 } },
    { ...COUNTS, promptTokens: 8, completionTokens: 0, totalTokens: 8 },
  ],
  [
    'seconds',
    { usage: { type: 'duration', seconds: 3 } },
    { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
  ],
  ['no usage', { choices: [], usage: null }, undefined],
  ['a text that speaks of usage', { content: '"usage": {"prompt_tokens": 1}' }, undefined],
])('reads %s', (_what, answer, reported) => {
  for (const text of [JSON.stringify(answer), JSON.stringify(answer, null, 2)]) {
    expect(read(text, false).reported).toEqual(reported);
  }
});

test('reads the usage of an answer of any size, without keeping it', () => {
  const data = Array.from({ length: 400 }, () => ({ embedding: Array(1_000).fill(0.125) }));
  const before = JSON.stringify({ usage, data });
  const behind = JSON.stringify({ data: [...data, ...data], usage });
  expect(read(before, false, 65_536).reported).toEqual(COUNTS);
  expect(read(behind, false, 65_536).reported).toEqual(COUNTS);
});

test('takes the last usage of a stream, and the text when there is none', () => {
  const counted = { ...chunk(' there'), usage: { ...usage, completion_tokens: 1 } };
  const stream = event(chunk('Hi')) + event(counted) + event({ ...chunk(''), usage });
  expect(read(stream, true).reported).toEqual(COUNTS);
  expect(read(stream.replaceAll('\n', '\r\n'), true).reported).toEqual(COUNTS);
  const call = { choices: [{ delta: { tool_calls: [{ function: { arguments: '{"a":' } }] } }] };
  const silent = event({ ...chunk('Größe "1"\n'), usage: null }) + event(call) + event('[DONE]');
  expect(read(silent, true)).toMatchObject({ reported: undefined, text: 'Größe "1"\n{"a":' });
});

test('takes the text of a response once, its usage, and its id', () => {
  const cut = [
    event({ type: 'response.created', response: { id: 'resp_1', usage: null } }),
    event({ type: 'response.output_item.added', item: { id: 'msg_1', content: [] } }),
    event({ type: 'response.output_text.delta', item_id: 'msg_1', delta: 'Hello' }),
    event({ type: 'response.output_text.done', text: 'Hello' }),
    event({ type: 'response.content_part.done', part: { type: 'output_text', text: 'Hello' } }),
  ].join('');
  expect(read(cut, true)).toEqual({ reported: undefined, text: 'Hello', id: 'resp_1' });
  const output = [{ content: [{ text: 'Hello' }] }];
  const response = { id: 'resp_1', output, usage: { input_tokens: 5, output_tokens: 2 } };
  const whole = cut + event({ type: 'response.completed', response });
  expect(read(whole, true).reported).toEqual(COUNTS);
});

test('reads a stream that is cut in the middle of a character', () => {
  const stream = Buffer.from(event(chunk('größe')));
  const meter = createUsageMeter(true);
  meter.read(stream.subarray(0, stream.indexOf('ö') + 1));
  expect(meter.end()).toEqual({ reported: undefined, text: '' });
});
