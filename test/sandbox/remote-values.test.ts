/** What crosses the connection between a worker and sandboxd, cut and twisted in every way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { collect, Credit, IncomingBody, sendChunks } from '../../sandbox/remote/bodies.ts';
import type { Call, Frame, Header } from '../../sandbox/remote/frames.ts';
import {
  CHUNK_BYTES,
  encodeFrame,
  frameDecoder,
  ProtocolError,
  WINDOW_CHUNKS,
} from '../../sandbox/remote/frames.ts';
import {
  decodeFiles,
  decodeNames,
  decodeOutcome,
  decodeSnapshot,
  encodeFiles,
  encodeNames,
  encodeOutcome,
  encodeSnapshot,
} from '../../sandbox/remote/values.ts';

/** The beginning of an image of 3 x 2 pixels. */
const PNG = Buffer.from(
  '89504e470d0a1a0a0000000d49484452000000030000000208020000000000000000000000',
  'hex',
);
const LIMITS = { maxLogBytes: 1_000, maxImages: 3, imageBytes: 100, imagePixels: 6 };

const calls: Call[] = [
  { method: 'run' },
  { method: 'listFiles' },
  { method: 'restore' },
  { method: 'snapshot', maxBytes: 64 },
  { method: 'readFile', path: 'a\n"b"/é', maxBytes: 7 },
  { method: 'warm', modules: ['numpy'] },
  { method: 'putFile', paths: ['file-1', 'data.csv'], bytes: 0 },
];
const headers: Header[] = [
  ...calls.map((call, id): Header => ({ t: 'call', id, call })),
  { t: 'chunk', id: 1 },
  { t: 'end', id: 1, complete: false },
  { t: 'more', id: 1 },
  { t: 'stop', id: 1 },
  { t: 'reply', id: 1, alive: true },
  { t: 'fault', id: 1, alive: false, name: 'KernelError', message: 'no such file' },
  { t: 'kill', reason: 'cancelled' },
  { t: 'ping' },
];

test('frames come out as they went in, wherever the stream is cut', () => {
  const sent: Frame[] = headers.map((header, at) => ({ header, body: Buffer.alloc(at, at) }));
  const stream = Buffer.concat(
    sent.flatMap(({ header, body }) => [encodeFrame(header, body), body]),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const decode = frameDecoder();
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const pieces = bounds.slice(1).map((end, at) => stream.subarray(bounds[at], end));
      expect(pieces.flatMap((piece) => decode(piece))).toEqual(sent);
    }),
  );
});

test('a decoder fed with anything throws nothing but ProtocolError', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
      const decode = frameDecoder();
      try {
        for (const piece of pieces) decode(Buffer.from(piece));
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
  );
});

test('values come out as they went in', () => {
  const outcome = {
    status: 'error' as const,
    outputs: [
      { type: 'logs' as const, logs: 'é\n' },
      { type: 'image' as const, png: PNG },
      { type: 'image' as const, png: Buffer.concat([PNG, PNG]) },
    ],
  };
  expect(decodeOutcome(Buffer.concat(encodeOutcome(outcome)), LIMITS)).toEqual(outcome);
  const files = [{ path: 'a/b', bytes: 3, stamp: '3:1:2' }];
  expect(decodeFiles(Buffer.concat(encodeFiles(files)))).toEqual(files);
  for (const blob of [Buffer.from([0, 1, 2]), 'unchanged' as const, undefined]) {
    const snapshot = { blob, unsaved: ['f'] };
    expect(decodeSnapshot(Buffer.concat(encodeSnapshot(snapshot)))).toEqual(snapshot);
  }
  expect(decodeNames(Buffer.concat(encodeNames(['f', 'gen'])))).toEqual(['f', 'gen']);
});

test('what a local kernel would not show is left out', () => {
  const huge = Buffer.from(PNG);
  huge.writeUInt32BE(4, 16);
  const images = [huge, Buffer.from('<svg onload>'), PNG];
  const body = encodeOutcome({
    status: 'ok',
    outputs: [
      { type: 'logs', logs: `a\0b\ud800${'x'.repeat(5_000)}` },
      ...images.map((png) => ({ type: 'image' as const, png })),
    ],
  });
  const { outputs } = decodeOutcome(Buffer.concat(body), LIMITS);
  expect(outputs).toEqual([
    { type: 'logs', logs: `a\uFFFDb\uFFFD${'x'.repeat(2_996)}` },
    { type: 'image', png: PNG },
  ]);
});

describe('a reply that sandboxd could not have meant is refused:', () => {
  const told = (value: unknown, ...rest: Buffer[]) => {
    const json = Buffer.from(JSON.stringify(value));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    return Buffer.concat([length, json, ...rest]);
  };
  const image = (bytes: unknown) => ({ status: 'ok', outputs: [{ type: 'image', bytes }] });
  const outcomes: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'a length beyond its end': Buffer.from([0, 0, 1, 0, 123]),
    'no JSON': Buffer.from([0, 0, 0, 1, 123]),
    null: told(null),
    'an unknown status': told({ status: 'root', outputs: [] }),
    'no outputs': told({ status: 'ok' }),
    'too many outputs': told({
      status: 'ok',
      outputs: Array(2_000).fill({ type: 'logs', logs: '' }),
    }),
    'logs that are no text': told({ status: 'ok', outputs: [{ type: 'logs', logs: 7 }] }),
    'an image longer than what came': told(image(PNG.length + 1), PNG),
    'an image shorter than what came': told(image(PNG.length - 1), PNG),
    'an image of a negative length': told(image(-8), PNG),
    'an image that is too large': told(image(101), Buffer.alloc(101)),
    'more images than a cell may show': told({
      status: 'ok',
      outputs: Array(4).fill({ type: 'image', bytes: 0 }),
    }),
    'bytes that nothing announced': told({ status: 'ok', outputs: [] }, PNG),
  };
  test.each(Object.entries(outcomes))('%s', (_name, body) => {
    expect(() => decodeOutcome(body, LIMITS)).toThrow(ProtocolError);
  });

  test.each([
    [{ files: 7 }],
    [{ files: [null] }],
    [{ files: [{ path: 7, bytes: 1, stamp: '' }] }],
    [{ files: [{ path: 'a', bytes: 1.5, stamp: '' }] }],
    [{ files: [{ path: 'a', bytes: 1 }] }],
  ])('files %j', (value) => {
    expect(() => decodeFiles(told(value))).toThrow(ProtocolError);
  });

  test.each([[{}], [{ names: 'f' }]])('names %j', (value) => {
    expect(() => decodeNames(told(value))).toThrow(ProtocolError);
    expect(() => decodeSnapshot(told(value))).toThrow(ProtocolError);
  });
});

describe('a body', () => {
  /** A sender and a receiver without a connection between them. */
  const pipe = () => {
    const credit = new Credit();
    const body = new IncomingBody(() => credit.more());
    let sent = 0;
    const send = (chunk: Uint8Array) => {
      sent += 1;
      body.push(Buffer.from(chunk));
    };
    return { credit, body, send, sent: () => sent };
  };

  test('arrives whole, in chunks of the agreed size', async () => {
    const { credit, body, send, sent } = pipe();
    const source = [Buffer.alloc(5 * CHUNK_BYTES + 1, 1), Buffer.alloc(0), Buffer.alloc(7, 2)];
    const sending = sendChunks(source, credit, send).then(() => body.end());
    expect(await collect(body, 10 * CHUNK_BYTES)).toEqual(Buffer.concat(source));
    await sending;
    expect(sent()).toBe(7);
  });

  test('waits for a slow reader with no more than the window', async () => {
    const { credit, body, send, sent } = pipe();
    const source = Array.from({ length: 50 }, () => Buffer.alloc(1));
    const sending = sendChunks(source, credit, send).then(() => body.end());
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent()).toBe(WINDOW_CHUNKS);
    const reader = body[Symbol.asyncIterator]();
    await reader.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent()).toBe(WINDOW_CHUNKS + 1);
    while ((await reader.next()).done !== true);
    await sending;
    expect(sent()).toBe(50);
  });

  test('that nobody wants any more stops its sender, and its source is closed', async () => {
    const { credit, send } = pipe();
    let closed = false;
    async function* source() {
      try {
        for (;;) yield Buffer.alloc(1);
      } finally {
        closed = true;
      }
    }
    const sending = sendChunks(source(), credit, send);
    credit.stop();
    expect(await sending).toBe(false);
    expect(closed).toBe(true);
  });

  test('longer than the reader allows is a breach', async () => {
    const body = new IncomingBody(() => {});
    body.push(Buffer.alloc(10));
    await expect(collect(body, 9)).rejects.toThrow(ProtocolError);
  });

  test('that fails hands out what came before', async () => {
    const body = new IncomingBody(() => {});
    body.push(Buffer.from('a'));
    body.end(new Error('cut'));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of body) seen.push(chunk.toString());
    })();
    await expect(reading).rejects.toThrow('cut');
    expect(seen).toEqual(['a']);
  });
});
