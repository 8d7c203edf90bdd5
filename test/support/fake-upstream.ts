/** A server of any OpenAI-compatible endpoint: it records what it gets and answers as the test says. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The body as JSON. */
  json: Record<string, unknown>;
  /** Resolves when the connection or the answer has ended; true when the answer was not whole by then. */
  closed: Promise<boolean>;
};
type Answer = (received: Received, response: ServerResponse) => unknown;

export class FakeUpstream implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Called when the head of a request has arrived. */
  onRequest: () => void = () => {};
  answer: Answer = (_received, response) => sendJson(response, {});
  readonly #server = createServer((request, response) => {
    this.onRequest();
    const chunks: Buffer[] = [];
    const closed = once(response, 'close').then(() => !response.writableFinished);
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method = '', url = '', headers } = request;
      const isJson = headers['content-type'] === 'application/json';
      const json = (isJson ? JSON.parse(String(body)) : {}) as Received['json'];
      const received = { method, url, headers, body, json, closed };
      this.received.push(received);
      void this.answer(received, response);
    });
  });

  static async start(): Promise<FakeUpstream> {
    const upstream = new FakeUpstream();
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  get last(): Received {
    return this.received.at(-1)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

export function sendJson(
  response: ServerResponse,
  body: object,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** One server-sent event. */
export function event(data: object | '[DONE]', name?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${text}\n\n`;
}

/** A chunk of a streamed chat completion. */
export function chunk(content: string): object {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }];
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'up', choices };
}
