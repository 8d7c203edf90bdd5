import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readChunks } from '../../activities/model/read-chunks.ts';

function streamOf(bytes: Uint8Array, cuts: number[]): ReadableStream<Uint8Array> {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  const pieces = [...ends, bytes.length].map((end, index) =>
    bytes.slice(ends[index - 1] ?? 0, end),
  );
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function read(text: string, cuts: number[] = []): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const received of readChunks(streamOf(new TextEncoder().encode(text), cuts)))
    chunks.push(...received);
  return chunks;
}

test('reads the same chunks wherever the network cuts the bytes, with any line end', async () => {
  const values = fc.array(fc.record({ id: fc.string({ unit: 'grapheme' }) }), { maxLength: 8 });
  const end = fc.constantFrom('\n', '\r\n', '\r');
  await fc.assert(
    fc.asyncProperty(
      values,
      end,
      fc.array(fc.nat(3_000), { maxLength: 12 }),
      async (chunks, lineEnd, cuts) => {
        const events = chunks.map(
          (chunk) => `: comment${lineEnd}data: ${JSON.stringify(chunk)}${lineEnd}${lineEnd}`,
        );
        expect(
          await read(`\ufeff${events.join('')}data: [DONE]${lineEnd}${lineEnd}`, cuts),
        ).toEqual(chunks);
      },
    ),
    { numRuns: 500 },
  );
});

describe('what servers get wrong', () => {
  test('a last event without its empty line counts', async () => {
    expect(await read('data: {"id":"a"}')).toEqual([{ id: 'a' }]);
  });

  test('nothing after [DONE] is read', async () => {
    expect(await read('data: [DONE]\n\ndata: {"id":"a"}\n\n')).toEqual([]);
  });

  test('a page of HTML holds no chunk', async () => {
    expect(await read('<html>\n\n<body>busy</body>\n\n')).toEqual([]);
  });

  test.each([
    ['data: {"id":\n\n', 'The model server sent something that is not JSON.'],
    ['data: {"error":{"message":"overloaded"}}\n\n', 'The model server reported an error.'],
    ['data: null\n\n', 'The model server reported an error.'],
    ['data: 7\n\n', 'The model server reported an error.'],
    [`data: ${'x'.repeat(9 * 1024 * 1024)}`, 'The model server sent an endless event.'],
  ])('%.20s… is refused', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test('a lost connection is a failure that may be retried', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    await expect(readChunks(body).next()).rejects.toMatchObject({
      name: 'ModelStreamError',
      retryable: true,
    });
  });
});
