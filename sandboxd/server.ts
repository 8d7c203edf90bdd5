/**
 * sandboxd's HTTP server. `POST /v1/kernels` with an upgrade gives one kernel while the connection lasts;
 * `GET /status` tells its capabilities, `GET /healthz` whether it can run code.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmod, unlink } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Limits, SandboxBackend } from '../sandbox/backend.ts';
import { KernelStartError } from '../sandbox/backend.ts';
import type { SandboxStatus } from '../sandbox/index.ts';
import type { SandboxdAddress } from '../sandbox/remote/client.ts';
import { LIMITS_HEADER, OWNER_HEADER, UPGRADE_PROTOCOL } from '../sandbox/remote/client.ts';
import { limitsWithin } from '../sandbox/remote/limits.ts';
import type { KernelsOptions } from './kernels.ts';
import { FullError, Kernels } from './kernels.ts';

export type SandboxdOptions = KernelsOptions & {
  /** The answer of `GET /status`, beside the counts. */
  status: SandboxStatus;
  /** Opens a backend with limits that are never above `limits`. Undefined: there is no sandbox, as the status says. */
  open: ((limits: Limits) => Promise<SandboxBackend>) | undefined;
  limits: Limits;
  /** Undefined: every process that reaches the socket may use it. */
  token: string | undefined;
};

/** The time that cells get when sandboxd is stopped. Longer than most cells take. */
export const GRACE_MS = 20_000;
const FAREWELL_MS = 1_000;
const UNKNOWN = { error: 'Wrong or missing token.' };
const NOTHING_HERE = { error: 'There is nothing here.' };

export class Sandboxd implements AsyncDisposable {
  readonly #options: SandboxdOptions;
  readonly #server: Server;
  readonly #kernels: Kernels;
  #draining = false;

  constructor(options: SandboxdOptions) {
    this.#options = options;
    this.#kernels = new Kernels(options);
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 });
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      void this.#onUpgrade(request, socket, head);
    });
  }

  get kernels(): { live: number; waiting: number; max: number } {
    return this.#kernels.counts;
  }

  /** Returns the port, for an address with one. */
  async listen(address: SandboxdAddress): Promise<number | undefined> {
    if ('path' in address) await removeStaleSocket(address.path);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(address, resolve);
    await promise;
    if (!('path' in address)) return (this.#server.address() as AddressInfo).port;
    await chmod(address.path, 0o660);
    return undefined;
  }

  /** Starts no more kernels, lets cells finish for `graceMs`, then ends the kernels that are left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await this.#kernels.drain(graceMs);
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const { ok, reason } = this.#options.status;
    const asked = `${request.method} ${request.url}`;
    if (asked === 'GET /healthz') {
      const state = this.#draining ? 'stopping' : (reason ?? 'ok');
      return answer(ok && !this.#draining ? 200 : 503, { status: state });
    }
    if (!this.#knows(request)) return answer(401, UNKNOWN);
    if (asked === 'GET /status') {
      return answer(200, { ...this.#options.status, kernels: this.kernels });
    }
    if (asked === 'POST /v1/kernels') return answer(426, { error: 'An upgrade is missing.' });
    answer(404, NOTHING_HERE);
  }

  async #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {}); // 'close' follows
    if (!this.#knows(request)) return refuse(socket, 401, UNKNOWN);
    if (request.method !== 'POST' || request.url !== '/v1/kernels') {
      return refuse(socket, 404, NOTHING_HERE);
    }
    const { upgrade } = request.headers;
    if (upgrade !== UPGRADE_PROTOCOL || head.length > 0) {
      const error = `sandboxd speaks ${UPGRADE_PROTOCOL}, and the worker ${upgrade}. Run the same version of both.`;
      // In an update the other side is soon replaced: a worker waits out a 503.
      return refuse(socket, upgrade?.startsWith('threadmill-kernel/') ? 503 : 400, { error });
    }
    if (this.#draining) return refuse(socket, 503, { error: 'sandboxd is being stopped.' });
    const { open, limits, status, log } = this.#options;
    try {
      if (open === undefined) throw new KernelStartError(status.reason ?? 'There is no sandbox.');
      const wanted = limitsWithin(limits, request.headers[LIMITS_HEADER]);
      const owner = String(request.headers[OWNER_HEADER] ?? '');
      await this.#kernels.serve(socket, owner, () => open(wanted));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const late = error instanceof KernelStartError && error.temporary;
      if (error instanceof FullError || late) {
        return refuse(socket, 503, { error: message, busy: true });
      }
      if (!socket.destroyed) log?.('A kernel did not start', { reason: message });
      refuse(socket, 500, { error: message });
    }
  }

  /** In constant time: the time that a wrong token takes tells nothing about the right one. */
  #knows({ headers }: IncomingMessage): boolean {
    const { token } = this.#options;
    if (token === undefined) return true;
    return timingSafeEqual(digest(`Bearer ${token}`), digest(headers.authorization ?? ''));
  }
}

/** Answers a request for an upgrade with an error. */
function refuse(socket: Duplex, status: number, body: object): void {
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Removes a socket that a killed sandboxd left behind, but not one at which a process answers. */
async function removeStaleSocket(path: string): Promise<void> {
  const stale = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (stale) await unlink(path);
}
