/**
 * The one LISTEN connection of a process. A broken connection is replaced with a growing pause; `onReconnect` lets
 * readers catch up on what was notified meanwhile. NOTIFY is only ever a wake-up: losing one loses nothing.
 */
import type { Client } from 'pg';

import { createClient } from './pool.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A connection that was cut without a FIN is noticed by a statement that gets no answer. */
const HEARTBEAT_MS = 15_000;

export class Listener implements AsyncDisposable {
  readonly #url: string;
  readonly #applicationName: string;
  readonly #handlers = new Map<string, Set<(payload: string) => void>>();
  readonly #onReconnect = new Set<() => void>();
  #client: Client | undefined;
  #closed = false;
  #pauseMs = FIRST_PAUSE_MS;
  #retry: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(url: string, applicationName: string) {
    this.#url = url;
    this.#applicationName = applicationName;
  }

  /** Connects; resolves once LISTEN is active for every channel that has a handler by now. */
  async start(): Promise<void> {
    const client = createClient(this.#url, this.#applicationName);
    client.on('notification', ({ channel, payload }) => {
      for (const handler of this.#handlers.get(channel) ?? []) handler(payload ?? '');
    });
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    this.#client = client;
    try {
      await client.connect();
      for (const channel of this.#handlers.keys()) await client.query(`listen ${channel}`);
    } catch (error) {
      this.#client = undefined;
      await client.end().catch(() => {});
      throw error;
    }
    this.#pauseMs = FIRST_PAUSE_MS;
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(
      () => void client.query('select 1').catch(() => this.#lost(client)),
      HEARTBEAT_MS,
    );
    this.#heartbeat.unref();
  }

  /** Adds a handler. Channels are registered before `start`. Returns the way to take it off again. */
  on(channel: string, handler: (payload: string) => void): () => void {
    const handlers = this.#handlers.get(channel) ?? new Set();
    this.#handlers.set(channel, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /** Called after a lost connection was replaced: notifications may have been missed. */
  onReconnect(handler: () => void): () => void {
    this.#onReconnect.add(handler);
    return () => this.#onReconnect.delete(handler);
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  #lost(client: Client): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    void client.end().catch(() => {});
    this.#retry = setTimeout(() => void this.#reconnect(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  async #reconnect(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.start();
      for (const handler of this.#onReconnect) handler();
    } catch {
      this.#retry = setTimeout(() => void this.#reconnect(), this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#heartbeat);
    await this.#client?.end().catch(() => {});
  }
}
