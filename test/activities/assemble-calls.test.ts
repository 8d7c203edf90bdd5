import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { CallDelta } from '../../activities/model/answer/assemble-calls.ts';
import { CallAssembler } from '../../activities/model/answer/assemble-calls.ts';

const OFFERED = new Set(['get', 'get_weather', 'add']);

const call = (index: unknown, id: unknown, name: unknown, args: unknown): CallDelta => ({
  index,
  id,
  function: { name, arguments: args },
});

/** What a client is left with, and the order of what it was shown. */
function assemble(deltas: CallDelta[], limit = 128) {
  const assembler = new CallAssembler(OFFERED, limit);
  const parts = [...deltas.flatMap((delta) => assembler.push(delta)), ...assembler.end()];
  const calls: { name: string; args: string }[] = [];
  for (const part of parts) {
    if (part.kind === 'call') calls[part.index] = { name: part.name, args: '' };
    else calls[part.index]!.args += part.fragment;
  }
  const order = parts.map(({ index }) => index);
  expect(order, 'calls are shown one after the other').toEqual(order.toSorted((a, b) => a - b));
  return { calls: calls.map(({ name, args }) => [name, args]), upstream: assembler.upstream() };
}

const OSLO = ['get_weather', '{"city":"Oslo"}'];
const ROME = ['get_weather', '{"city":"Rome"}'];

test.each<[string, CallDelta[], string[][]]>([
  [
    'one index for all, told by their ids',
    [call(0, 'a', 'get_weather', OSLO[1]), call(0, 'b', 'get_weather', ROME[1])],
    [OSLO, ROME],
  ],
  [
    'one index for all, without ids',
    [call(0, '', 'get_weather', OSLO[1]), call(0, '', 'add', '{}')],
    [OSLO, ['add', '{}']],
  ],
  [
    'no index and no id after the first delta',
    [call(undefined, 'a', 'get_weather', ''), call(undefined, undefined, undefined, OSLO[1])],
    [OSLO],
  ],
  [
    'an id of its own on each delta',
    [call(0, 'a', 'get_weather', ''), call(0, 'b', null, '{"city":'), call(0, 'c', '', '"Oslo"}')],
    [OSLO],
  ],
  [
    'the name in pieces, of which the first is a tool too',
    [call(0, 'a', 'get', ''), call(0, null, '_weather', ''), call(0, null, null, OSLO[1])],
    [OSLO],
  ],
  [
    'the name on each delta',
    [call(0, 'a', 'get_weather', '{"city":'), call(0, 'a', 'get_weather', '"Oslo"}')],
    [OSLO],
  ],
  [
    'arguments before the name',
    [call(0, 'a', '', '{"city":'), call(0, null, 'get_weather', '"Oslo"}')],
    [OSLO],
  ],
  ['arguments as an object', [call(0, 'a', 'get_weather', { city: 'Oslo' })], [OSLO]],
  [
    'no arguments',
    [call(0, 'a', 'add', ''), call(1, 'b', 'add', null)],
    [
      ['add', '{}'],
      ['add', '{}'],
    ],
  ],
  ['the text null', [call(0, 'a', 'add', 'null')], [['add', '{}']]],
  ['an object inside a text', [call(0, 'a', 'get_weather', JSON.stringify(OSLO[1]))], [OSLO]],
  [
    'an empty object in front of the real one',
    [call(0, 'a', 'get_weather', '{}'), call(0, null, null, OSLO[1])],
    [OSLO],
  ],
  [
    'everything once more at the end',
    [call(0, 'a', 'get_weather', OSLO[1]), call(0, 'a', 'get_weather', OSLO[1])],
    [OSLO],
  ],
  [
    'all arguments so far in each delta',
    ['{"', '{"city', '{"city":', '{"city":"Os', OSLO[1]!].map((args) =>
      call(0, 'a', 'get_weather', args),
    ),
    [OSLO],
  ],
  [
    'an object within an object under its own key',
    ['{"a":', '{"a":', '1}}'].map((args) => call(0, 'a', 'add', args)),
    [['add', '{"a":{"a":1}}']],
  ],
  [
    'two calls in turns',
    [
      call(0, 'a', 'get_weather', '{"city":'),
      call(1, 'b', 'get_weather', '{"city":'),
      call(0, null, null, '"Oslo"}'),
      call(1, null, null, '"Rome"}'),
    ],
    [OSLO, ROME],
  ],
  ['words that are not JSON', [call(0, 'a', 'add', 'one and two')], [['add', 'one and two']]],
])('%s', (_, deltas, expected) => {
  expect(assemble(deltas).calls).toEqual(expected);
});

test('keeps what the server wants back with each call', () => {
  const { upstream } = assemble([
    { ...call(0, 'theirs', 'add', '{'), extra_content: { google: { thought_signature: 'ab' } } },
    { ...call(0, null, null, '}'), extra_content: { google: { thought_signature: 'cd' } } },
    call(1, 7, 'add', '{}'),
  ]);
  expect(upstream).toEqual([
    { id: 'theirs', fields: { extra_content: { google: { thought_signature: 'abcd' } } } },
    { id: '7', fields: {} },
  ]);
});

test('leaves out calls beyond the limit', () => {
  const two = [call(0, 'a', 'get_weather', OSLO[1]), call(1, 'b', 'get_weather', ROME[1])];
  expect(assemble(two, 1)).toMatchObject({ calls: [OSLO], upstream: [{ id: 'a' }] });
  expect(assemble(two, 0)).toEqual({ calls: [], upstream: [] });
});

test('refuses a call that never got a name', () => {
  expect(() => assemble([call(0, 'a', '', '{}')])).toThrow('without naming it');
});

describe('wherever the arguments are cut', () => {
  test('they arrive as they were written', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(value, fc.array(fc.nat(200), { maxLength: 10 }), (object, cuts) => {
        const text = JSON.stringify(object);
        const ends = [...new Set([...cuts.filter((cut) => cut < text.length), text.length])];
        const pieces = ends
          .toSorted((a, b) => a - b)
          .map((end, at, all) => text.slice(all[at - 1] ?? 0, end));
        const deltas = pieces.map((piece, at) =>
          call(0, at === 0 ? 'a' : null, at === 0 ? 'add' : null, piece),
        );
        expect(assemble(deltas).calls).toEqual([['add', text]]);
      }),
      { numRuns: 500 },
    );
  });
});
