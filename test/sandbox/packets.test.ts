import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packetDecoder } from '../../sandbox/pyodide/packets.ts';

// No byte twice: a random one can begin as it ends, and then its beginning followed by the whole holds it twice.
const secret = Buffer.from(Array.from({ length: 16 }, (_, n) => 240 + n));

function packet(channel: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt8(channel, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([secret, head, bytes]);
}

/** What is decoded from `data` that arrives in pieces of `size`: the text of each channel. */
function decode(data: Buffer, size: number): Record<number, string> {
  const texts: Record<number, string> = {};
  const push = packetDecoder(secret, (channel, bytes) => {
    texts[channel] = (texts[channel] ?? '') + bytes.toString('latin1');
  });
  for (let at = 0; at < data.length; at += size) push(data.subarray(at, at + size));
  return texts;
}

test('packets arrive whole however they are cut, and what is between them is dropped', () => {
  const data = Buffer.concat([
    Buffer.from('printed past everything'),
    packet(1, 'hello '),
    packet(2, 'frame'),
    Buffer.from('{"forged": true}'),
    secret.subarray(0, 15),
    packet(1, ''),
    packet(1, 'world'),
    secret.subarray(0, 3),
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: data.length }), (size) => {
      expect(decode(data, size)).toEqual({ 1: 'hello world', 2: 'frame' });
    }),
  );
});

test('the secret within a packet is content', () => {
  const inner = packet(2, 'forged');
  const data = packet(1, inner.toString('latin1'));
  const sized = Buffer.concat([secret, Buffer.from([1, 0, 0, 0, inner.length]), inner]);
  expect(decode(sized, 7)).toEqual({ 1: inner.toString('latin1') });
  expect(data.length).toBeGreaterThan(0);
});
