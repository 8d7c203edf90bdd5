/** Both ends of the tunnel between a worker and sandboxd, and what they do with bytes that the other end must not send. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ChannelEnd } from '../../sandbox/kernel/channel.ts';
import { Connection } from '../../sandbox/remote/connection.ts';
import { limitsWithin } from '../../sandbox/remote/limits.ts';
import type { Packet } from '../../sandbox/remote/packets.ts';
import {
  encodePackets,
  INPUT_WINDOW_BYTES,
  packetDecoder,
  ProtocolError,
} from '../../sandbox/remote/packets.ts';
import { tunnelChannel } from '../../sandbox/remote/tunnel.ts';
import { limitsOf } from '../../sandbox/index.ts';

const PACKETS: Packet[] = [
  { kind: 'ping', body: Buffer.alloc(0) },
  { kind: 'input', body: Buffer.alloc(64 * 1024, 1) },
  { kind: 'output', body: Buffer.from('é\n') },
  { kind: 'frames', body: Buffer.alloc(9) },
  { kind: 'lost', body: Buffer.from('The sandbox was stopped.') },
];

test('packets come out as they went in, wherever the stream is cut', () => {
  const stream = Buffer.concat(PACKETS.flatMap(({ kind, body }) => encodePackets(kind, body)));
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const decode = packetDecoder();
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const pieces = bounds.slice(1).map((end, at) => stream.subarray(bounds[at], end));
      expect(pieces.flatMap((piece) => decode(piece))).toEqual(PACKETS);
    }),
  );
});

test('a long body becomes several packets of the same kind', () => {
  const body = Buffer.alloc(150_000, 7);
  const packets = packetDecoder()(Buffer.concat(encodePackets('frames', body)));
  expect(packets.map(({ kind }) => kind)).toEqual(['frames', 'frames', 'frames']);
  expect(Buffer.concat(packets.map((packet) => packet.body))).toEqual(body);
});

test('a decoder of any bytes throws nothing but ProtocolError', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
      const decode = packetDecoder();
      try {
        for (const piece of pieces) decode(Buffer.from(piece));
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
  );
});

test('limits of the other side count only where they are lower, and positive numbers', () => {
  const own = limitsOf({ backend: 'auto', python: '', cellSoftSeconds: 20, cellHardSeconds: 25 });
  const other = { cellSoftSeconds: 1, cellHardSeconds: 600, memoryBytes: -1, maxImages: '1' };
  expect(limitsWithin(own, JSON.stringify(other))).toEqual({ ...own, cellSoftSeconds: 1 });
  for (const header of [undefined, '', 'null', '7', '{', ['{}'], ' '.repeat(5_000)]) {
    expect(limitsWithin(own, header)).toEqual(own);
  }
});

describe("the worker's end", () => {
  const open = () => {
    const [near, far] = duplexPair();
    const channel = tunnelChannel(near);
    const heard = { output: '', frames: '' };
    const closed = new Promise<ChannelEnd>((resolve) => {
      channel.listen({
        output: (chunk) => void (heard.output += chunk.toString()),
        frames: (chunk) => void (heard.frames += chunk.toString()),
        closed: resolve,
      });
    });
    return { channel, far, heard, closed };
  };
  const send = (stream: Duplex, kind: Packet['kind'], body = '') => {
    for (const part of encodePackets(kind, Buffer.from(body))) stream.write(part);
  };

  test('keeps output and frames apart, and learns how the kernel ended', async () => {
    const { far, heard, closed } = open();
    send(far, 'output', 'printed');
    send(far, 'frames', 'framed');
    send(far, 'launcherLog', 'bwrap: no\0');
    send(far, 'ended', 'The Python process ended (exit code 3).');
    far.resume().end();
    expect(await closed).toEqual({
      reason: 'The Python process ended (exit code 3).',
      launcherLog: 'bwrap: no\uFFFD',
      lost: false,
    });
    expect(heard).toEqual({ output: 'printed', frames: 'framed' });
  });

  test('loses the kernel with the connection', async () => {
    const { far, closed } = open();
    far.resume().end();
    expect(await closed).toMatchObject({ reason: expect.stringContaining('was lost'), lost: true });
  });

  test.each([
    ['a kind that only workers send', encodePackets('input', Buffer.from('x'))],
    ['a number that is cut off', encodePackets('taken', Buffer.from('x'))],
    ['a time that is cut off', encodePackets('used', Buffer.from('x'))],
    ['an unknown kind', [Buffer.from([99, 0, 0, 0, 0])]],
    ['a packet of 4 GB', [Buffer.from([1, 255, 255, 255, 255])]],
  ])('loses the kernel when sandboxd sends %s', async (_name, parts) => {
    const { far, closed } = open();
    for (const part of parts) far.write(part);
    far.resume();
    expect(await closed).toMatchObject({ lost: true });
  });

  test('sends no more input than the kernel takes', async () => {
    const { channel, far } = open();
    let received = 0;
    const decode = packetDecoder();
    far.on('data', (chunk: Buffer) => {
      for (const { kind, body } of decode(chunk)) if (kind === 'input') received += body.length;
    });
    const written = channel.write(Buffer.alloc(3 * INPUT_WINDOW_BYTES));
    await expect.poll(() => received).toBe(INPUT_WINDOW_BYTES);
    const taken = Buffer.alloc(4);
    taken.writeUInt32BE(INPUT_WINDOW_BYTES);
    for (const part of encodePackets('taken', taken)) far.write(part);
    await expect.poll(() => received).toBe(2 * INPUT_WINDOW_BYTES);
    // What waits does not wait for a connection that has ended.
    far.end();
    await written;
    expect(received).toBe(2 * INPUT_WINDOW_BYTES);
  });
});

test('a connection over a stream that has closed is closed', async () => {
  const [near] = duplexPair();
  near.destroy();
  await once(near, 'close');
  await new Connection(near, () => {}).closed;
});

test('a side that sends without reading loses the connection', async () => {
  const [near] = duplexPair();
  const connection = new Connection(near, () => {});
  for (let at = 0; at < 80; at += 1) connection.send('frames', Buffer.alloc(64 * 1024));
  await connection.closed;
  expect(connection.problem).toBe('it sends without reading');
});
