/**
 * A client of two APIs that writes down every request and what became of it. An operation that got no answer is tried
 * again with its idempotency key, at either API, as a careful client would.
 */
import { setTimeout as pause } from 'node:timers/promises';

import type { RequestKind, Sent, SentRequest } from '../evidence.ts';
import type { Random } from '../random.ts';
import type { Ledger } from './ledger.ts';

export type Operation = {
  /** Names the operation in the ledger; its key is made of it. */
  op: string;
  kind: RequestKind;
  method: 'GET' | 'POST';
  path: string;
  body?: object | (() => FormData);
  sent?: Sent;
  /** `keyed`: with an idempotency key, until it is answered. `repeat`: without one, as it is harmless. `once`: never again. */
  tries: 'keyed' | 'repeat' | 'once';
};

export type Answer = { status: number; body: Record<string, unknown> };

export type ClientOptions = {
  /** Of the two APIs, with `/v1`. */
  urls: readonly string[];
  apiKey: string;
  ledger: Ledger;
  /** Ends everything at once. */
  signal: AbortSignal;
};

const ANSWER_MS = 15_000;
const PATIENCE_MS = 120_000;
const UNAVAILABLE = 503;

export class LoadClient {
  readonly urls: readonly string[];
  readonly ledger: Ledger;
  readonly signal: AbortSignal;
  readonly random: Random;
  readonly #apiKey: string;

  constructor({ urls, apiKey, ledger, signal }: ClientOptions, random: Random) {
    this.urls = urls;
    this.ledger = ledger;
    this.signal = signal;
    this.random = random;
    this.#apiKey = apiKey;
  }

  /** The answer, or undefined when nobody knows whether the operation had its effect. */
  async perform(operation: Operation): Promise<Answer | undefined> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const { entry, answer } = await this.#try(operation);
      if (answer !== undefined && answer.status !== UNAVAILABLE) return answer;
      if (operation.tries === 'once' || this.signal.aborted || Date.now() > deadline) {
        return undefined;
      }
      await this.rest(Number(entry.retryAfter ?? 0) * 1_000 || this.random.integer(100, 1_000));
    }
  }

  /** Ends early when the load ends. */
  async rest(milliseconds: number): Promise<void> {
    await pause(milliseconds, undefined, { signal: this.signal }).catch(() => {});
  }

  /** Sends one request and writes it down. Rejects as `fetch` does, with the entry written. */
  async send(
    operation: Operation,
    api: number,
    options: { headers?: Record<string, string>; signal: AbortSignal },
  ): Promise<{ entry: SentRequest; response: Response }> {
    const { method, path, body } = operation;
    const entry = this.#write(operation, api);
    const form = typeof body === 'function' ? body() : undefined;
    const response = await fetch(`${this.urls[api]}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#apiKey}`,
        ...(form === undefined ? { 'content-type': 'application/json' } : {}),
        ...(entry.key === null ? {} : { 'idempotency-key': entry.key }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: form ?? JSON.stringify(body) }),
      signal: AbortSignal.any([options.signal, this.signal]),
    });
    return { entry, response };
  }

  async #try(operation: Operation): Promise<{ entry: SentRequest; answer?: Answer }> {
    const api = this.random.integer(0, this.urls.length - 1);
    const position = this.ledger.requests.length;
    try {
      const signal = AbortSignal.timeout(ANSWER_MS);
      const { entry, response } = await this.send(operation, api, { signal });
      const body = (await response.json()) as Record<string, unknown>;
      noteAnswer(entry, response, operation.kind === 'read' && response.ok ? null : body);
      return { entry, answer: { status: response.status, body } };
    } catch {
      return { entry: this.ledger.requests[position]! };
    }
  }

  #write({ op, kind, method, path, sent = {}, tries }: Operation, api: number): SentRequest {
    const entry: SentRequest = {
      op,
      kind,
      api,
      method,
      path,
      key: tries === 'keyed' ? `key-${op}` : null,
      sent,
      sentAt: Date.now(),
      answeredAt: null,
      status: null,
      retryAfter: null,
      answer: null,
    };
    this.ledger.requests.push(entry);
    return entry;
  }
}

export function noteAnswer(
  entry: SentRequest,
  response: Response,
  answer: Record<string, unknown> | null,
): void {
  entry.answeredAt = Date.now();
  entry.status = response.status;
  entry.retryAfter = response.headers.get('retry-after');
  entry.answer = answer;
}
