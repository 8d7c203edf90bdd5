/**
 * A server of POST /v1/embeddings whose vectors are hashed bags of words: texts that share words are near each other.
 * It records what it was asked and can refuse, fail, or stand still.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type EmbeddingsRequest = { model: string; input: string[]; dimensions?: number };

/** An answer other than vectors; `stall` resolves when the answer may go on. */
export type Trouble =
  { status: number; headers?: Record<string, string> } | { stall: Promise<void> };

export class FakeEmbeddings implements AsyncDisposable {
  readonly requests: EmbeddingsRequest[] = [];
  /** Taken one per request, oldest first. */
  readonly troubles: Trouble[] = [];
  /** While it is set, every request meets it, or those that it chooses. */
  trouble: Trouble | ((request: EmbeddingsRequest) => Trouble | undefined) | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #waiting: (() => void)[] = [];
  #port = 0;

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#port}/v1`;
  }

  /** Again on the same port when it has been closed. */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Resolves once so many requests have come. */
  async asked(count: number): Promise<void> {
    while (this.requests.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Every text that was ever sent, in order. */
  get texts(): string[] {
    return this.requests.flatMap(({ input }) => input);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += String(part);
    const given = JSON.parse(body) as EmbeddingsRequest;
    this.requests.push(given);
    for (const resolve of this.#waiting.splice(0)) resolve();
    const always = typeof this.trouble === 'function' ? this.trouble(given) : this.trouble;
    const trouble = this.troubles.shift() ?? always;
    if (trouble !== undefined && 'status' in trouble) {
      response.writeHead(trouble.status, trouble.headers).end('{"error":{"message":"trouble"}}');
      return;
    }
    await trouble?.stall;
    const data = given.input.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: embed(text, given.dimensions ?? 256),
    }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ object: 'list', model: given.model, data }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function startFakeEmbeddings(): Promise<FakeEmbeddings> {
  const server = new FakeEmbeddings();
  await server.listen();
  return server;
}

/** Not normalised: that is the client's work. */
export function embed(text: string, dimensions: number): number[] {
  const vector = Array.from({ length: dimensions }, () => 0);
  for (const word of text.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? ['']) {
    const digest = createHash('md5').update(word).digest();
    for (let at = 0; at < 8; at += 2) {
      const place = digest.readUInt16LE(at) % dimensions;
      vector[place] = vector[place]! + (digest[8 + at]! % 2 === 0 ? 1 : -1);
    }
  }
  return vector;
}
