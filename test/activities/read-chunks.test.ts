import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ReadOptions } from '../../activities/model/answer/read-chunks.ts';
import { readChunks } from '../../activities/model/answer/read-chunks.ts';

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
  const body = streamOf(new TextEncoder().encode(text), cuts);
  for await (const received of readChunks(body, options())) chunks.push(...received.chunks);
  return chunks;
}

/** Of a stream that has `finished`, whatever follows is no error. */
function options(finished = false): ReadOptions {
  return { finished: () => finished, source: { url: 'http://model/v1', apiKey: 'none' } };
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

  test.each([
    ['data:\n\ndata: {"id":"a"}\n\ndata: \n\n', 'empty data'],
    ['event: chunk\nretry: 10\nid: 7\ndata: {"id":\ndata: "a"}\n\n', 'several fields'],
    ['data:{"id":"a"}\n\n', 'no space'],
    ['{"id":"a"}', 'one completion in the place of a stream'],
    ['\n{\n  "id": "a"\n}\n', 'the same on several lines'],
  ])('%j holds one chunk: %s', async (text) => {
    expect(await read(text)).toEqual([{ id: 'a' }]);
  });

  test('what follows an answer that has ended is left alone', async () => {
    const junk = 'data: {"error":{"message":"late"}}\n\ndata: garbage\n\n';
    const body = streamOf(new TextEncoder().encode(junk), []);
    for await (const { chunks } of readChunks(body, options(true))) expect(chunks).toEqual([]);
  });

  test.each([
    ['data: {"id":\n\n', 'The model server sent something that is not JSON.'],
    ['data: {"error":{"message":"overloaded"}}\n\n', 'overloaded'],
    ['data: {"error":"overloaded"}\n\n', 'overloaded'],
    ['event: error\ndata: overloaded\n\n', 'overloaded'],
    ['data: [{"error":{"message":"overloaded"}}]\n\n', 'overloaded'],
    ['{"detail":"overloaded"}', 'overloaded'],
    ['data: {"base_resp":{"status_code":1002,"status_msg":"overloaded"}}\n\n', 'overloaded'],
    ['data: null\n\n', 'with an error'],
    ['data: 7\n\n', 'with an error'],
    ['<html>\n\n<body>busy</body>\n\n', 'something other than a completion'],
    [`data: ${'x'.repeat(9 * 1024 * 1024)}`, 'The model server sent an endless event.'],
  ])('%.20s… is refused', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  test('a lost connection is a failure that may be retried', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    await expect(readChunks(body, options()).next()).rejects.toMatchObject({
      name: 'ModelStreamError',
      retryable: true,
    });
  });
});
