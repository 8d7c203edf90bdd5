import { expect, test } from 'vitest';
import { outputBuffer } from '../../sandbox/kernel/output.ts';

const bytes = (text: string) => Buffer.from(text);

test('the output is what lies between its marks, wherever the stream is cut', () => {
  const stream = bytes('earlyMARKER(one\nMARKERitwo\nMARKER)late');
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const output = outputBuffer('MARKER', 100);
    output.push(stream.subarray(0, cut));
    expect(output.push(stream.subarray(cut))).toBe(true);
    expect(output.pieces()).toEqual(['one\n', 'two\n']);
  }
});

test('output without an end is complete too, as far as it came', () => {
  const output = outputBuffer('MARKER', 100);
  expect(output.push(bytes('MARKER(onMARK'))).toBe(false);
  expect(output.total).toBe(6);
  expect(output.pieces()).toEqual(['onMARK']);
});

test('of a long output the first 60 % and the last 40 % stay, with a cut mark', () => {
  const output = outputBuffer('MARKER', 10);
  for (const piece of ['MARKER(', 'abcd', 'efgh', 'ijkl', 'mnop', 'qrst']) {
    output.push(bytes(piece));
  }
  output.push(bytes('MARKER)'));
  expect(output.pieces()).toEqual(['abcdef\n... [10 bytes cut] ...\nqrst']);
  expect(output.total).toBe(20);
});

test('output of exactly the limit is not cut', () => {
  const output = outputBuffer('MARKER', 10);
  output.push(bytes('MARKER(0123456789MARKER)'));
  expect(output.pieces()).toEqual(['0123456789']);
});

test('bytes that text cannot hold become replacement characters', () => {
  const output = outputBuffer('MARKER', 100);
  output.push(Buffer.concat([bytes('MARKER(a\0b'), Buffer.from([0xff, 0xc3]), bytes('MARKER)')]));
  expect(output.pieces()).toEqual(['a\uFFFDb\uFFFD\uFFFD']);
});

test('images stay where they were in what was kept, and gather at the cut otherwise', () => {
  const output = outputBuffer('MARKER', 10);
  const stream = ['(abc', 'idefghi', 'ijkl', 'imnopqr', 'ist', ')'].map((part) => `MARKER${part}`);
  output.push(bytes(stream.join('')));
  expect(output.pieces()).toEqual(['abc', 'def\n... [10 bytes cut] ...\n', '', 'qr', 'st']);
});

test('marks without number do not fill the memory', () => {
  const output = outputBuffer('MARKER', 10);
  output.push(bytes(`MARKER(${'MARKERi'.repeat(5_000)}MARKER)`));
  expect(output.pieces()).toHaveLength(1_001);
});

test('tells its text as it arrives, up to the first image, without a mark or half a character', () => {
  const told: string[] = [];
  const output = outputBuffer('MARKER', 100, (text) => told.push(text));
  for (const piece of ['early MARKER(one', ' MARK', 'two ', '\u6f22']) {
    output.push(bytes(piece));
  }
  expect(told).toEqual(['one', ' ', 'MARKtwo ', '\u6f22']);
  const [first, ...rest] = bytes('\u6f22');
  output.push(Buffer.from([first!]));
  output.push(Buffer.from(rest));
  output.push(bytes('MARKERithree MARKER)'));
  expect(told.join('')).toBe('one MARKtwo \u6f22\u6f22');
  expect(output.pieces()).toEqual(['one MARKtwo \u6f22\u6f22', 'three ']);
});

test('tells the beginning of a long output only', () => {
  let told = '';
  const output = outputBuffer('MARKER', 10, (text) => (told += text));
  output.push(bytes('MARKER(abcdefghijklmnopqrstMARKER)'));
  expect(told).toBe('abcdef');
  expect(output.pieces()[0]?.startsWith(told)).toBe(true);
});
