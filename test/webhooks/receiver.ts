/** A user's server that receives events, and endpoints at it. */
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type OpenAI from 'openai';
import { APIError } from 'openai';
import type { WebhookEndpointWithSecret } from 'openai/resources/webhooks';

import type { WebhookDelivery } from '../../wire/webhooks.ts';

export type Received = { body: string; headers: IncomingHttpHeaders };
export type Answer = { status: number; headers?: Record<string, string> } | 'silence';

export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #answers: Answer[] = [];
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.received.push({ body: Buffer.concat(chunks).toString(), headers: request.headers });
      const answer = this.#answers.shift() ?? this.standard;
      if (answer === 'silence') return;
      response.writeHead(answer.status, answer.headers).end('an answer that nobody reads');
    });
  });
  /** When no other answer is scripted. */
  standard: Answer = { status: 204 };
  url = '';

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    receiver.url = `http://127.0.0.1:${(receiver.#server.address() as AddressInfo).port}/hook`;
    return receiver;
  }

  answer(...answers: Answer[]): void {
    this.#answers.push(...answers);
  }

  get types(): string[] {
    return this.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The client's types name the events of the hosted service. */
export function createEndpoint(
  client: OpenAI,
  url: string,
  types: readonly string[],
): Promise<WebhookEndpointWithSecret> {
  const event_types = types as 'batch.completed'[];
  return client.webhooks.create({ name: 'a receiver', url, event_types });
}

export async function deliveriesOf(
  client: OpenAI,
  filter: Record<string, string> = {},
): Promise<WebhookDelivery[]> {
  const path = `/threadmill/webhook_deliveries?${new URLSearchParams(filter).toString()}`;
  return (await client.get<{ data: WebhookDelivery[] }>(path)).data;
}

/** What a refused request was told. */
export async function errorOf(request: PromiseLike<unknown>): Promise<APIError> {
  try {
    await request;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error('The request was accepted.');
}
