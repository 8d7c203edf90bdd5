import { describe, expect, test } from 'vitest';

import { MAX_BODY_DEPTH, parseBody, parseLargeBody } from '../../wire/requests/body.ts';
import { checkJsonText } from '../../wire/requests/json-text.ts';
import { createThreadAndRunSchema } from '../../wire/requests/runs.ts';
import { createThreadSchema } from '../../wire/requests/threads.ts';
import type { ApiError } from '../../wire/errors/errors.ts';
import { refused } from './refused.ts';

const TOO_MANY = 'Invalid request body: more than 100000 strings, numbers, arrays and objects.';
const longText = 'x'.repeat(150_000);

describe('a long text, before it is parsed', () => {
  const elements = (count: number, one: string) => Array<string>(count).fill(one).join(', ');
  const accepted: [string, string][] = [
    ['as many values as a body may have', `{"a": [${elements(99_998, '1')}]}`],
    [
      'empty lists and objects',
      `{"a": [${elements(49_999, '[]')}], "b": [${elements(49_998, '{ }')}]}`,
    ],
    ['brackets and commas in a string', `{"a": "${'[{,'.repeat(200_000)}"}`],
    ['quotes and backslashes in a string', `{"a": "${'\\",\\\\'.repeat(200_000)}", "b": "\\\\"}`],
    ['as many fields as a body may have', `{"a": [${elements(24_999, '{"b":1,"c":2}')}]}`],
    ['white space', `${' \n\t\r'.repeat(100_000)}{}`],
    ['as much depth as a body may have', `${'['.repeat(64)}"${longText}"${']'.repeat(64)}`],
    ['a string without an end', `{"a": "${longText}`],
    ['one long string', JSON.stringify(longText)],
  ];
  test.each(accepted)('may hold %s', (_, text) => {
    expect(() => checkJsonText(text)).not.toThrow();
  });

  const refusedTexts: [string, string, string | RegExp][] = [
    ['one value more', `{"a": [${elements(99_999, '1')}, 1]}`, TOO_MANY],
    ['millions of empty lists', `[${'[],'.repeat(1_000_000)}`, TOO_MANY],
    ['millions of pairs', `{${'"k":1,'.repeat(1_000_000)}`, /more than 50000 fields/],
    ['a field more', `{"a": [${elements(25_000, '{"b":1,"c":2}')}]}`, /more than 50000 fields/],
    ['a level more', `${'['.repeat(MAX_BODY_DEPTH + 1)}"${longText}"`, /nested more than 64/],
    ['brackets without an end', '{"a":'.repeat(1_000_000), /nested more than 64/],
  ];
  test.each(refusedTexts)('may not hold %s', (_, text, message) => {
    expect(refused(() => checkJsonText(text)).message).toMatch(message);
  });

  test('counts as the check of the parsed body does', () => {
    const bodies = [1, 2, 3].flatMap((extra) => [
      { a: [longText, ...Array<number>(99_996 + extra).fill(1)] },
      {
        a: longText,
        b: Object.fromEntries(Array.from({ length: 49_995 + extra }, (_, at) => [at, [1]])),
      },
    ]);
    for (const body of bodies) {
      const outcome = (check: () => unknown) => {
        try {
          check();
          return 'accepted';
        } catch (error) {
          return (error as ApiError).message === TOO_MANY ? 'too many' : 'accepted';
        }
      };
      const parsed = outcome(() => parseBody(createThreadSchema, body));
      // The text may have a value more: an empty bracket is taken for one until it closes.
      if (parsed === 'accepted') {
        expect(outcome(() => checkJsonText(JSON.stringify(body)))).toBe(parsed);
      }
    }
  });
});

describe('a large body', () => {
  const messages = (count: number, wrong: Record<number, unknown> = {}) =>
    Array.from({ length: count }, (_, at) => wrong[at] ?? { role: 'user', content: `m${at}` });

  async function pausesOf(schema: Parameters<typeof parseLargeBody>[0], body: unknown) {
    let pauses = 0;
    const parsed = await parseLargeBody(schema, body, () => Promise.resolve((pauses += 1))).catch(
      (error: unknown) => error as ApiError,
    );
    return { pauses, parsed };
  }

  test('is parsed as a small one', async () => {
    for (const [schema, body] of [
      [createThreadSchema, { messages: messages(3) }],
      [createThreadSchema, { messages: messages(1_700), metadata: { a: 'b' } }],
      [createThreadAndRunSchema, { assistant_id: 'asst_1', thread: { messages: messages(1_001) } }],
      [createThreadSchema, undefined],
    ] as const) {
      const { parsed } = await pausesOf(schema, body);
      expect(parsed).toEqual(parseBody<unknown>(schema, body));
    }
  });

  test('ends at the part of a list that is wrong, with the same error', async () => {
    const lists: Record<number, unknown>[] = [
      { 0: 1 },
      { 499: { role: 'user', content: 5 } },
      { 500: { role: 'x', content: 'y' } },
      { 1_234: { role: 'user', content: [{ type: 'text', text: 5 }] }, 1_240: 7 },
    ];
    for (const wrong of lists) {
      const list = messages(9_000, wrong);
      for (const [schema, body] of [
        [createThreadSchema, { messages: list }],
        [createThreadAndRunSchema, { assistant_id: 'asst_1', thread: { messages: list } }],
      ] as const) {
        const { parsed, pauses } = await pausesOf(schema, body);
        expect((parsed as ApiError).toJSON().error).toMatchObject(
          refusedError(() => parseBody<unknown>(schema, body)),
        );
        expect(pauses).toBeLessThan(5);
      }
    }
  });

  test('with a list longer than any may be is refused for that', async () => {
    const { parsed } = await pausesOf(createThreadSchema, { messages: messages(10_001, { 0: 1 }) });
    expect((parsed as ApiError).message).toMatch(/array too long/);
  });
});

function refusedError(parse: () => unknown) {
  const { status: _, ...error } = refused(parse);
  return error;
}
