import { describe, expect, test } from 'vitest';
import { BadFrameError, encodeFrame, frameDecoder } from '../../sandbox/frames.ts';

const frame = (
  header: string | Buffer,
  body = '',
  lengths: { header?: number; body?: number } = {},
) => {
  const head = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32BE(lengths.header ?? head.length, 0);
  prefix.writeUInt32BE(lengths.body ?? body.length, 4);
  return Buffer.concat([prefix, head, Buffer.from(body)]);
};
const done = { t: 'done', id: 'a', status: 'ok' } as const;
const ready = { t: 'ready' } as const;
const stream = Buffer.concat([frame(JSON.stringify(ready)), frame(JSON.stringify(done))]);

test('a frame for the kernel carries both lengths, the header and the source', () => {
  const encoded = encodeFrame({ t: 'exec', id: 'x', number: 1, soft: 2 }, 'print("é")');
  const header = encoded.readUInt32BE(0);
  expect(JSON.parse(encoded.subarray(8, 8 + header).toString())).toEqual({
    t: 'exec',
    id: 'x',
    number: 1,
    soft: 2,
  });
  expect(encoded.subarray(8 + header).toString()).toBe('print("é")');
  expect(encoded.readUInt32BE(4)).toBe(Buffer.byteLength('print("é")'));
});

test('frames are decoded wherever the stream is cut', () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const decode = frameDecoder();
    const frames = [...decode(stream.subarray(0, cut)), ...decode(stream.subarray(cut))];
    expect(frames).toEqual([ready, done]);
  }
});

test('a truncated frame is waited for', () => {
  expect(frameDecoder()(stream.subarray(0, 12))).toEqual([]);
});

test('fields of a frame that nobody asked for are dropped', () => {
  expect(frameDecoder()(frame(JSON.stringify({ ...done, extra: { deep: true } })))).toEqual([done]);
});

describe('a bad frame is refused', () => {
  test.each([
    ['a header longer than any real one', frame('{}', '', { header: 4_097 })],
    ['a header of 4 GB', frame('{}', '', { header: 0xffffffff })],
    ['a body', frame(JSON.stringify(done), 'x')],
    ['a body of 4 GB that never comes', frame(JSON.stringify(done), '', { body: 0xffffffff })],
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
    expect(() => frameDecoder()(bytes)).toThrow(BadFrameError);
  });
});
