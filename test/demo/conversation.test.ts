import { expect, test } from 'vitest';
import { addressedName, askedFact, readConversation, toldFacts } from '../../demo/conversation.ts';
import { parseRequest } from '../../demo/request.ts';

const read = (messages: object[]) =>
  readConversation(parseRequest(JSON.stringify({ model: 'm', messages })));

test.each([
  ['Please address the user as Jane Doe. The user has a premium account.', 'Jane Doe'],
  ['Address them as Dr. Ada B. King', 'Dr. Ada B. King'],
  ["The user's name is José.", 'José'],
  ['Call the user "Max"', 'Max'],
  ['address the user as Ann. Later: address the user as Bob', 'Bob'],
  ['You are a helpful tutor.', undefined],
  ['Address the problem, not the person.', undefined],
])('reads how to address the user: %s', (content, expected) => {
  expect(addressedName(read([{ role: 'system', content }]))).toBe(expected);
});

test('takes results only from the current question, and counts messages but not steps', () => {
  const call = (id: string) => ({
    role: 'assistant',
    tool_calls: [{ id, type: 'function', function: { name: `f_${id}`, arguments: '{}' } }],
  });
  const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: `out ${id}` });
  const conversation = read([
    { role: 'user', content: 'one' },
    call('a'),
    result('a'),
    { role: 'assistant', content: 'done' },
    { role: 'user', content: 'two' },
    call('b'),
    result('b'),
  ]);
  expect(conversation.results).toEqual([{ name: 'f_b', arguments: '{}', output: 'out b' }]);
  expect(conversation).toMatchObject({ messageCount: 3, question: 'two', earlier: ['one'] });
});

test('has no question when nobody asked', () => {
  expect(read([{ role: 'system', content: 'x' }])).toMatchObject({ question: '', earlier: [] });
});

test('remembers the last thing told and recognises the question for it', () => {
  const facts = toldFacts(['My dog is Rex, a poodle', 'my name is Bo', 'Call me Ann']);
  expect(Object.fromEntries(facts)).toEqual({ dog: 'Rex', name: 'Ann' });
  expect(askedFact("What's my dog again?")).toBe('dog');
  expect(askedFact('Who am I?')).toBe('name');
  expect(askedFact('What is the time?')).toBeUndefined();
});
