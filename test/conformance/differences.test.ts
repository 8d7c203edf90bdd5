/** The oracle itself: one fault in a sound object is one difference, at its place. */
import { expect, test } from 'vitest';

import { differences } from './differences.ts';
import { keyOf } from './recorder.ts';

const TEXT = { type: 'text', text: { value: 'Hi', annotations: [] } };
const MESSAGE = {
  id: 'msg_1',
  object: 'thread.message',
  created_at: 1,
  thread_id: 'thread_1',
  status: 'completed',
  incomplete_details: null,
  completed_at: 1,
  incomplete_at: null,
  role: 'user',
  content: [TEXT],
  assistant_id: null,
  run_id: null,
  attachments: [],
  metadata: {},
};

test.for<[fault: string, change: object, found: string[]]>([
  ['nothing', {}, []],
  ['a field of another type', { created_at: '1' }, ['MessageObject.created_at: integer → string']],
  ['null where it is not allowed', { role: null }, ['MessageObject.role: string → null']],
  ['null where it is', { metadata: null }, []],
  ['a word that is not listed', { role: 'tool' }, ['MessageObject.role: user | assistant → tool']],
  ['a missing field', { metadata: undefined }, ['MessageObject.metadata: present → absent']],
  ['an unknown field', { extra: 1 }, ['MessageObject.extra: absent → present']],
  [
    'an unknown field of a nullable object',
    { incomplete_details: { reason: 'max_tokens', extra: 1 } },
    ['MessageObject.incomplete_details.extra: absent → present'],
  ],
  [
    'an unknown tag',
    { content: [{ type: 'audio' }] },
    ['MessageObject.content[].type: a known type → audio'],
  ],
  [
    'a fault within a union',
    { content: [TEXT, { type: 'text', text: { value: 1, annotations: [] } }] },
    ['MessageContentTextObject.text.value: string → number'],
  ],
  ['a value of a map', { metadata: { a: 1 } }, ['Metadata.*: string → number']],
])('finds %s', ([, change, found]) => {
  const message: unknown = JSON.parse(JSON.stringify({ ...MESSAGE, ...change }));
  expect(differences('MessageObject', message).map(keyOf)).toEqual(found);
});
