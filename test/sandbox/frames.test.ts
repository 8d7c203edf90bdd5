import { describe, expect, test } from 'vitest';
import { BadFrameError, encodeFrame, frameDecoder } from '../../sandbox/kernel/frames.ts';

const MAX_IMAGE = 10_000;
const decoder = () => frameDecoder(MAX_IMAGE);

const frame = (
  header: object | string | Buffer,
  body = '',
  lengths: { header?: number; body?: number } = {},
) => {
  const text = typeof header === 'string' || Buffer.isBuffer(header);
  const head = Buffer.from(text ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(lengths.header ?? head.length, 0);
  prefix.writeUInt32BE(lengths.body ?? body.length, 4);
  return Buffer.concat([prefix, head, Buffer.from(body)]);
};
const ready = { t: 'ready' } as const;
const image = { t: 'image', id: 'a' } as const;
const data = { t: 'data', id: 'b' } as const;
const done = { t: 'done', id: 'a', status: 'ok' } as const;
const stream = Buffer.concat([
  frame(ready),
  frame(image, 'png'),
  frame(data),
  frame(data, 'part'),
  frame(done, '{}'),
]);

test('a frame for the kernel carries both lengths, the header and the body', () => {
  const images = { count: 1, bytes: 2, pixels: 3 };
  const header = { t: 'exec', id: 'x', soft: 2, images } as const;
  const encoded = encodeFrame(header, 'print("é")');
  const length = encoded.readUInt32BE(0);
  expect(JSON.parse(encoded.subarray(8, 8 + length).toString())).toEqual(header);
  expect(encoded.subarray(8 + length).toString()).toBe('print("é")');
  expect(encoded.readUInt32BE(4)).toBe(Buffer.byteLength('print("é")'));
  const bytes = encodeFrame({ t: 'restore', id: 'x' }, new Uint8Array([1, 2]));
  expect(bytes.subarray(-2)).toEqual(Buffer.from([1, 2]));
});

test('frames are decoded wherever the stream is cut', () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const decode = decoder();
    const frames = [...decode(stream.subarray(0, cut)), ...decode(stream.subarray(cut))];
    expect(frames).toEqual([
      ready,
      { ...image, body: Buffer.from('png') },
      { ...data, body: Buffer.alloc(0) },
      { ...data, body: Buffer.from('part') },
      { ...done, body: Buffer.from('{}') },
    ]);
  }
});

test('a truncated frame is waited for', () => {
  expect(decoder()(stream.subarray(0, 12))).toEqual([]);
});

test('fields of a frame that nobody asked for are dropped', () => {
  expect(decoder()(frame({ ...done, extra: { deep: true } }))).toEqual([
    { ...done, body: Buffer.alloc(0) },
  ]);
});

describe('a bad frame is refused', () => {
  test.each([
    ['a header longer than any real one', frame('{}', '', { header: 4_097 })],
    ['a header of 4 GB', frame('{}', '', { header: 0xffffffff })],
    ['a body for what has none', frame(ready, 'x')],
    ['a body of 4 GB that never comes', frame(done, '', { body: 0xffffffff })],
    ['data larger than a part', frame(data, '', { body: 1024 * 1024 + 1 })],
    ['an image larger than allowed', frame(image, '', { body: MAX_IMAGE + 1 })],
    ['data for nobody', frame({ t: 'data' }, 'x')],
    ['an empty header', frame('')],
    ['no JSON', frame('{"t":')],
    ['bytes that are no UTF-8', frame(Buffer.from([0xff, 0xfe, 0x00]))],
    ['null', frame('null')],
    ['a list', frame('["done"]')],
    ['an unknown kind', frame('{"t":"exec"}')],
    ['an id that is no string', frame('{"t":"done","id":1,"status":"ok"}')],
    ['an unknown status', frame('{"t":"done","id":"a","status":"died"}')],
    ['text printed to the wrong place', Buffer.from('hello, this is no frame at all')],
  ])('%s', (_, bytes) => {
    expect(() => decoder()(bytes)).toThrow(BadFrameError);
  });
});
