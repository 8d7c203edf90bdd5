/** The faults of a connection that tests and `npm run chaos` are made of. */
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { TcpProxy } from './tcp-proxy.ts';

let server: Server;
let proxy: TcpProxy;
let client: Socket;
let received = '';
const served: string[] = [];

beforeEach(async () => {
  served.length = 0;
  received = '';
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      served.push(chunk.toString());
      socket.write(`done ${chunk.toString()}`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await TcpProxy.start({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  client = connect(proxy.port, '127.0.0.1').on('error', () => {});
  client.on('data', (chunk) => (received += chunk.toString()));
  await once(client, 'connect');
});
afterEach(async () => {
  client.destroy();
  await proxy[Symbol.asyncDispose]();
  server.close();
});

async function answered(text: string): Promise<void> {
  client.write(text);
  await expect.poll(() => received, { timeout: 10_000 }).toContain(`done ${text}`);
}

test('a slow connection brings everything later and in order', async () => {
  await answered('first');
  proxy.delay(300);
  const before = performance.now();
  client.write('second');
  await once(client, 'data');
  proxy.delay(0);
  expect(performance.now() - before).toBeGreaterThan(590);
  await answered('third');
  expect(received).toBe('done firstdone seconddone third');
});

test('an answer that is lost takes the connection with it, after its work was done', async () => {
  await answered('read');
  const lost = proxy.loseReply('write');
  client.write('write');
  await lost;
  expect(served).toEqual(['read', 'write']);
  expect(received).toBe('done read');
  if (!client.destroyed) await once(client, 'close');
});

test('a half-open connection answers nothing and does not say so until it is cut', async () => {
  await answered('first');
  proxy.halfOpen();
  client.write('second');
  const other = connect(proxy.port, '127.0.0.1');
  other.write('other');
  expect(String((await once(other, 'data'))[0])).toBe('done other');
  other.destroy();
  expect(client.closed).toBe(false);
  expect(served).toEqual(['first', 'other']);
  proxy.cut();
  if (!client.destroyed) await once(client, 'close');
  expect(received).toBe('done first');
});
