/**
 * sandboxd's HTTP server. `POST /v1/kernels` with an upgrade gives one kernel for as long as the connection lasts;
 * `GET /status` says what it can do, `GET /healthz` that it is there.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmod, unlink } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Kernel, Limits, SandboxBackend } from '../sandbox/backend.ts';
import { KernelStartError } from '../sandbox/backend.ts';
import type { SandboxStatus } from '../sandbox/index.ts';
import { Channel, TIMING } from '../sandbox/remote/channel.ts';
import type { SandboxdAddress } from '../sandbox/remote/client.ts';
import { LIMITS_HEADER, UPGRADE_PROTOCOL } from '../sandbox/remote/client.ts';
import { Slots } from '../sandbox/slots.ts';
import { KernelService } from './serve-kernel.ts';

export type SandboxdOptions = {
  /** What `GET /status` answers, without the counts. */
  status: SandboxStatus;
  /** Kernels within these limits, which are never above `limits`. Undefined: there is no sandbox, as the status says. */
  open: ((limits: Limits) => Promise<SandboxBackend>) | undefined;
  limits: Limits;
  maxKernels: number;
  /** Undefined: everyone who reaches the socket may use it. */
  token: string | undefined;
  log?: (message: string, fields?: Record<string, unknown>) => void;
  timing?: typeof TIMING;
  /** A kernel without a call for this long may make room for another. Its worker has stored what the last cell did. */
  evictAfterMs?: number;
};

/** What calls under way get when sandboxd is stopped. Longer than most cells take. */
export const GRACE_MS = 20_000;
const TICK_MS = 500;
const WAIT_FOR_ROOM_MS = 10_000;
/** Between two calls of one cell a worker stores files: so long is not idle. */
const EVICT_AFTER_MS = 10_000;
const DRAIN_IDLE_MS = 1_000;
const FAREWELL_MS = 1_000;
const MAX_LIMITS_CHARACTERS = 4_096;

type Live = { service: KernelService; released: Promise<void> };

export class Sandboxd implements AsyncDisposable {
  readonly #options: SandboxdOptions;
  readonly #server: Server;
  readonly #slots: Slots;
  readonly #live = new Set<Live>();
  readonly #tick: NodeJS.Timeout;
  #draining = false;

  constructor(options: SandboxdOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxKernels, () => this.#makeRoom());
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 });
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.on(
      'upgrade',
      (request, socket, head) => void this.#onUpgrade(request, socket, head),
    );
    this.#tick = setInterval(() => this.#onTick(), TICK_MS).unref();
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

  /** Takes no more kernels, lets calls under way finish for `graceMs`, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const late = setTimeout(() => void this.#endAll(), graceMs);
    this.#endIdle(DRAIN_IDLE_MS);
    while (this.#live.size > 0) await Promise.race([...this.#live].map(({ released }) => released));
    clearTimeout(late);
    clearInterval(this.#tick);
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { method, url } = request;
    const asked = `${method} ${url}`;
    if (asked === 'GET /healthz') {
      const { ok, reason } = this.#options.status;
      const state = this.#draining ? 'stopping' : (reason ?? 'ok');
      return answer(response, ok && !this.#draining ? 200 : 503, { status: state });
    }
    if (!this.#isKnown(request)) return answer(response, 401, { error: 'Wrong or missing token.' });
    if (asked === 'GET /status') {
      const kernels = { live: this.#live.size, max: this.#options.maxKernels };
      return answer(response, 200, { ...this.#options.status, kernels });
    }
    if (asked === 'POST /v1/kernels')
      return answer(response, 426, { error: 'An upgrade is missing.' });
    answer(response, 404, { error: 'There is nothing here.' });
  }

  async #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {}); // 'close' follows
    const refuse = (status: string, body: object) => {
      socket.end(rawAnswer(status, body));
      setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
    };
    if (!this.#isKnown(request))
      return refuse('401 Unauthorized', { error: 'Wrong or missing token.' });
    if (request.method !== 'POST' || request.url !== '/v1/kernels')
      return refuse('404 Not Found', { error: 'There is nothing here.' });
    if (request.headers.upgrade !== UPGRADE_PROTOCOL || head.length > 0)
      return refuse('400 Bad Request', { error: `The protocol is ${UPGRADE_PROTOCOL}.` });
    if (this.#draining)
      return refuse('503 Service Unavailable', { error: 'sandboxd is being stopped.' });
    try {
      await this.#serve(socket, limitsFrom(request, this.#options.limits));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof FullError)
        return refuse('503 Service Unavailable', { error: message, busy: true });
      this.#options.log?.('a kernel did not start', { error: message });
      refuse('500 Internal Server Error', { error: message });
    }
  }

  async #serve(socket: Duplex, limits: Limits): Promise<void> {
    const waiting = watch(socket);
    const kernel = await this.#startKernel(limits, waiting.signal);
    waiting.end();
    // Gone in the moment between.
    if (waiting.signal.aborted) return this.#release(kernel);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_PROTOCOL}\r\n\r\n`,
    );
    const service = new KernelService(
      kernel,
      (onFrame) => new Channel(socket, Buffer.alloc(0), onFrame, this.#options.timing ?? TIMING),
    );
    const released = service.closed.then(() => this.#release(kernel));
    const live = { service, released: released.finally(() => this.#live.delete(live)) };
    this.#live.add(live);
    this.#options.log?.('a kernel started', { kernels: this.#live.size });
  }

  /** Throws FullError, KernelStartError, and the signal's reason. */
  async #startKernel(limits: Limits, signal: AbortSignal): Promise<Kernel> {
    const patience = AbortSignal.timeout(WAIT_FOR_ROOM_MS);
    await this.#slots.take(AbortSignal.any([signal, patience])).catch((error: unknown) => {
      throw patience.aborted && !signal.aborted ? new FullError(this.#options.maxKernels) : error;
    });
    try {
      const backend = await this.#options.open?.(limits);
      if (backend === undefined) throw new KernelStartError(this.#options.status.reason);
      return await backend.start(signal);
    } catch (error) {
      this.#slots.give();
      throw error;
    }
  }

  async #release(kernel: Kernel): Promise<void> {
    await kernel.kill('The worker is gone.');
    this.#slots.give();
  }

  /** Ends the kernel that has been without a call for longest, as the worker's own sessions would. */
  async #makeRoom(): Promise<boolean> {
    const idle = [...this.#live].toSorted((a, b) => b.service.idleMs - a.service.idleMs)[0];
    const needed = this.#options.evictAfterMs ?? EVICT_AFTER_MS;
    if (idle === undefined || idle.service.idleMs < needed) return false;
    await idle.service.end('The session made room for another one.');
    await idle.released;
    return true;
  }

  #onTick(): void {
    for (const { service } of this.#live) service.check();
    if (this.#draining) this.#endIdle(DRAIN_IDLE_MS);
    else this.#slots.retry();
  }

  #endIdle(ms: number): void {
    for (const { service } of this.#live) if (service.idleMs >= ms) void service.end(STOPPED);
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#live].map(({ service }) => service.end(STOPPED)));
  }

  /** In constant time: how long a wrong token takes says nothing about the right one. */
  #isKnown({ headers }: IncomingMessage): boolean {
    const { token } = this.#options;
    if (token === undefined) return true;
    return timingSafeEqual(digest(`Bearer ${token}`), digest(headers.authorization ?? ''));
  }
}

class FullError extends Error {
  override name = 'FullError';

  constructor(maxKernels: number) {
    super(
      `All ${maxKernels} Python sessions of sandboxd are busy. ` +
        'Try again later, or give it more memory and a higher SANDBOX_MAX_KERNELS.',
    );
  }
}

const STOPPED = 'The sandbox was stopped.';

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function rawAnswer(status: string, body: object): string {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${text}`;
}

/** Aborts when whoever asked goes away, or speaks before its turn. Reading is what notices. */
function watch(socket: Duplex): { signal: AbortSignal; end: () => void } {
  const gone = new AbortController();
  const onGone = () => gone.abort(new Error('The worker is gone.'));
  const events = ['data', 'end', 'close'] as const;
  for (const event of events) socket.on(event, onGone);
  return {
    signal: gone.signal,
    end: () => {
      for (const event of events) socket.off(event, onGone);
    },
  };
}

/** A worker's wishes, where they are below what this server allows. */
function limitsFrom({ headers }: IncomingMessage, max: Limits): Limits {
  const given = parseLimits(headers[LIMITS_HEADER]);
  const entries = Object.entries(max).map(([name, most]): [string, number] => {
    const wanted = given[name];
    const usable = typeof wanted === 'number' && Number.isSafeInteger(wanted) && wanted > 0;
    return [name, usable ? Math.min(wanted, most) : most];
  });
  return Object.fromEntries(entries) as Limits;
}

function parseLimits(header: string | string[] | undefined): Record<string, unknown> {
  if (typeof header !== 'string' || header.length > MAX_LIMITS_CHARACTERS) return {};
  try {
    return { ...(JSON.parse(header) as object) };
  } catch {
    return {};
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A socket that a killed predecessor left behind; one that somebody answers at stays. */
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
