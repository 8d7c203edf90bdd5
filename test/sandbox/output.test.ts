import { expect, test } from 'vitest';
import { outputBuffer } from '../../sandbox/output.ts';

const bytes = (text: string) => Buffer.from(text);

test('the output ends at the marker, wherever the stream is cut', () => {
  const stream = bytes('one\ntwo\nMARKERlate');
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const output = outputBuffer('MARKER', 100);
    output.push(stream.subarray(0, cut));
    expect(output.push(stream.subarray(cut))).toBe(true);
    expect(output.text()).toBe('one\ntwo\n');
  }
});

test('output without a marker is complete too, as far as it came', () => {
  const output = outputBuffer('MARKER', 100);
  expect(output.push(bytes('onMARK'))).toBe(false);
  expect(output.total).toBe(6);
  expect(output.text()).toBe('onMARK');
});

test('of a long output the first 60 % and the last 40 % stay, with a cut mark', () => {
  const output = outputBuffer('MARKER', 10);
  for (const piece of ['abcd', 'efgh', 'ijkl', 'mnop', 'qrst']) output.push(bytes(piece));
  output.push(bytes('MARKER'));
  expect(output.text()).toBe('abcdef\n... [10 bytes cut] ...\nqrst');
  expect(output.total).toBe(20);
});

test('output of exactly the limit is not cut', () => {
  const output = outputBuffer('MARKER', 10);
  output.push(bytes('0123456789MARKER'));
  expect(output.text()).toBe('0123456789');
});

test('bytes that text cannot hold become replacement characters', () => {
  const output = outputBuffer('MARKER', 100);
  output.push(Buffer.concat([bytes('a\0b'), Buffer.from([0xff, 0xc3]), bytes('MARKER')]));
  expect(output.text()).toBe('a\uFFFDb\uFFFD\uFFFD');
});
