/** What a parser that a file has taken over could say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BadMessageError, readMessages } from '../../retrieval/messages.ts';
import type { ParserMessage } from '../../retrieval/messages.ts';

const chunk = {
  text: 'a\n"b" 😀',
  headings: [],
  tableHeader: null,
  tokens: 5,
  page: null,
  start: 0,
  end: 7,
};
const MESSAGES: ParserMessage[] = [
  { chunk },
  { chunk: { ...chunk, page: 3, headings: ['A', 'B'], tableHeader: '| a |' } },
  { error: { code: 'invalid_file', message: 'No.' } },
  { done: true },
  { ready: true },
];

test('messages are read however their bytes arrive', async () => {
  const bytes = Buffer.from(MESSAGES.map((message) => `${JSON.stringify(message)}\n`).join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (sizes) => {
      const parts: Buffer[] = [];
      for (let at = 0, index = 0; at < bytes.length; index += 1) {
        const size = sizes[index % sizes.length] ?? 1;
        parts.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(await read(parts)).toEqual(MESSAGES);
    }),
  );
});

test.each([
  ['no JSON', 'hello\n'],
  ['nothing', '\n'],
  ['null', 'null\n'],
  ['another message', '{"run": "rm"}\n'],
  ['a chunk without a text', `${JSON.stringify({ chunk: { ...chunk, text: 1 } })}\n`],
  ['a chunk with half a number', `${JSON.stringify({ chunk: { ...chunk, start: 0.5 } })}\n`],
  ['a chunk with more in it', `${JSON.stringify({ chunk: { ...chunk, project: 'p' } })}\n`],
  ['a code that is none of ours', '{"error": {"code": "server_error", "message": "x"}}\n'],
  [
    'an endless reason',
    `${JSON.stringify({ error: { code: 'invalid_file', message: 'x'.repeat(501) } })}\n`,
  ],
  ['an endless line', 'x'.repeat(3 * 1024 * 1024)],
])('%s is no message', async (_, said) => {
  const parts = Array.from({ length: Math.ceil(said.length / 65_536) }, (_item, index) =>
    Buffer.from(said.slice(index * 65_536, (index + 1) * 65_536)),
  );
  await expect(read(parts)).rejects.toBeInstanceOf(BadMessageError);
});

async function read(parts: readonly Buffer[]): Promise<ParserMessage[]> {
  const messages: ParserMessage[] = [];
  for await (const message of readMessages(arriving(parts))) messages.push(message);
  return messages;
}

async function* arriving(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}
