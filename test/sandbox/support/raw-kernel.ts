/** A worker that keeps to nothing: it gets a kernel as a worker does, then sends what it likes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';

import type { SandboxdAddress } from '../../../config/values.ts';
import { encodeFrame } from '../../../sandbox/kernel/frames.ts';
import { UPGRADE_PROTOCOL } from '../../../sandbox/remote/client.ts';
import type { PacketKind } from '../../../sandbox/remote/packets.ts';
import { encodePackets, packetDecoder } from '../../../sandbox/remote/packets.ts';
import { TOKEN } from './sandboxd.ts';

export type RawKernel = {
  readonly socket: Socket;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  send(kind: PacketKind, body?: Uint8Array): void;
  /** Sends a cell, and nothing else. */
  exec(code: string): string;
  /** Runs a cell as a worker does, and returns what it printed. */
  run(code: string): Promise<string>;
};

export const UPGRADE = { connection: 'Upgrade', upgrade: UPGRADE_PROTOCOL };
const IMAGES = { count: 10, bytes: 1_000_000, pixels: 1_000_000 };

/** Status and body of an answer that is no kernel, or the connection that it became. */
export async function ask(
  address: SandboxdAddress,
  { method = 'GET', path = '/healthz', headers = {} as Record<string, string> } = {},
): Promise<{ status: number; body: unknown; socket?: Socket }> {
  const way =
    'path' in address ? { socketPath: address.path } : { host: address.host, port: address.port };
  const sent = request({ ...way, method, path, headers, agent: false });
  sent.end();
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ status: response.statusCode ?? 0, body: undefined, socket: socket as Socket });
    });
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
      });
    });
  });
}

export async function openRawKernel(address: SandboxdAddress): Promise<RawKernel> {
  const headers = { ...UPGRADE, authorization: `Bearer ${TOKEN}` };
  const { socket, body } = await ask(address, { method: 'POST', path: '/v1/kernels', headers });
  if (socket === undefined) throw new Error(`No kernel: ${JSON.stringify(body)}`);
  let output = '';
  const decode = packetDecoder();
  const arrived = new EventTarget();
  socket.on('error', () => {}); // 'close' follows
  socket.on('data', (chunk: Buffer) => {
    for (const packet of decode(chunk)) {
      if (packet.kind === 'output') output += packet.body.toString();
    }
    arrived.dispatchEvent(new Event('packets'));
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const send = (kind: PacketKind, data: Uint8Array = Buffer.alloc(0)) => {
    for (const part of encodePackets(kind, data)) socket.write(part);
  };
  const exec = (code: string) => {
    const id = randomBytes(16).toString('hex');
    send('input', encodeFrame({ t: 'exec', id, soft: 20, images: IMAGES }, code));
    return id;
  };
  return {
    socket,
    closed,
    send,
    exec,
    async run(code) {
      send('resume');
      send('readOutput');
      const id = exec(code);
      const pings = setInterval(() => send('ping'), 50);
      const gone = closed.then(() => Promise.reject(new Error('closed')));
      gone.catch(() => {}); // the last cell does not wait for it
      try {
        while (!output.includes(`${id})`)) await Promise.race([once(arrived, 'packets'), gone]);
      } finally {
        clearInterval(pings);
      }
      send('pause');
      return output.slice(output.indexOf(`${id}(`) + id.length + 1, output.indexOf(`${id})`));
    },
  };
}
