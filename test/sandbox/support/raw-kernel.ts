/** A worker that keeps to nothing: it gets a kernel as a worker does, then sends what it likes. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';

import type { SandboxdAddress } from '../../../config/values.ts';
import type { Frame, Header } from '../../../sandbox/remote/frames.ts';
import { encodeFrame, frameDecoder } from '../../../sandbox/remote/frames.ts';
import { TOKEN } from './sandboxd.ts';

export type RawKernel = {
  readonly socket: Socket;
  readonly frames: Frame[];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<unknown>;
  send(header: Header, body?: Uint8Array): void;
  /** The first frame with this header, once it is here. */
  next(t: Header['t']): Promise<Frame>;
  /** Runs a cell whose output fits one chunk. */
  run(code: string): Promise<string>;
};

export const UPGRADE = { connection: 'Upgrade', upgrade: 'threadmill-kernel/1' };

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
    sent.on('upgrade', (response, socket) => {
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
  const frames: Frame[] = [];
  const decode = frameDecoder();
  const arrived = new EventTarget();
  socket.on('error', () => {}); // 'close' follows
  socket.on('data', (chunk: Buffer) => {
    frames.push(...decode(chunk));
    arrived.dispatchEvent(new Event('frames'));
  });
  const closed = once(socket, 'close');
  const send = (header: Header, data?: Uint8Array) => {
    socket.write(encodeFrame(header, data));
    if (data !== undefined) socket.write(data);
  };
  const next = async (t: Header['t']) => {
    for (;;) {
      const at = frames.findIndex(({ header }) => header.t === t);
      if (at >= 0) return frames.splice(at, 1)[0]!;
      await Promise.race([
        once(arrived, 'frames'),
        closed.then(() => Promise.reject(new Error('closed'))),
      ]);
    }
  };
  let id = 0;
  return {
    socket,
    frames,
    closed,
    send,
    next,
    async run(code) {
      id += 1;
      send({ t: 'call', id, call: { method: 'run' } });
      send({ t: 'chunk', id }, Buffer.from(code));
      send({ t: 'end', id, complete: true });
      const { body: told } = await next('chunk');
      await next('reply');
      return told.toString('utf8');
    },
  };
}
