/**
 * The built-in demo model as a server: POST /v1/chat/completions and GET /v1/models, in OpenAI's format.
 * It is not a language model; answer.ts decides by rules what to say.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from './answer.ts';
import { DEMO_MODEL_ID } from './models.ts';
import { parseRequest, RequestError } from './request.ts';
import { complete, toChunks, toObject, type Completion } from './stream.ts';

export type DemoModelOptions = {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Default 70. Infinity: no pauses. */
  tokensPerSecond?: number;
};

export type DemoModel = {
  /** What to configure as the model server's base URL; ends in /v1. */
  baseUrl: string;
  /** Stops listening and cuts the answers that are being streamed. */
  close(): Promise<void>;
};

const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** Starts the demo model. Rejects when the port is taken. */
export async function startDemoModel(options: DemoModelOptions = {}): Promise<DemoModel> {
  const host = options.host ?? '127.0.0.1';
  const server = createServer((request, response) => {
    handle(request, response, 1000 / (options.tokensPerSecond ?? 70)).catch((error: unknown) =>
      sendError(response, error),
    );
  });
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return { baseUrl: `http://${name}:${port}/v1`, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  intervalMs: number,
): Promise<void> {
  const path = request.url?.split('?')[0] ?? '';
  const route = `${request.method} ${path}`;
  if (route === 'GET /v1/models') return sendJson(response, 200, { object: 'list', data: [MODEL] });
  if (route === `GET /v1/models/${DEMO_MODEL_ID}`) return sendJson(response, 200, MODEL);
  if (route !== 'POST /v1/chat/completions') {
    throw new RequestError(
      `The demo model serves chat completions only, not ${route}.`,
      null,
      null,
      404,
    );
  }
  const chat = parseRequest(await readBody(request));
  const completion = complete(answer(chat), chat);
  if (chat.stream) return stream(response, completion, chat.includeUsage, intervalMs);
  sendJson(response, 200, toObject(completion));
}

async function stream(
  response: ServerResponse,
  completion: Completion,
  includeUsage: boolean,
  intervalMs: number,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.socket?.setNoDelay(true);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const start = performance.now();
  let sent = 0;
  try {
    for (const chunk of toChunks(completion, includeUsage)) {
      // Each token has its time on the clock, so that the rate holds although timers are late.
      const wait =
        start + intervalMs * Math.min(sent++, completion.deltas.length) - performance.now();
      if (wait > 0) await pause(wait, undefined, { signal: gone.signal });
      const more = response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      if (!more) await once(response, 'drain', { signal: gone.signal });
    }
    response.end('data: [DONE]\n\n');
  } catch (error) {
    // The client has left: there is nobody to tell, and nothing more to make up.
    if (!gone.signal.aborted) throw error;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_LIMIT_BYTES) {
      throw new RequestError('The request is too large.', null, 'request_too_large', 413);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

const MODEL = {
  id: DEMO_MODEL_ID,
  object: 'model',
  created: 1_750_000_000,
  owned_by: 'threadmill',
};

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) return void response.destroy();
  const known = error instanceof RequestError;
  sendJson(response, known ? error.status : 500, {
    error: {
      message: known ? error.message : `The demo model failed: ${String(error)}`,
      type: known ? 'invalid_request_error' : 'server_error',
      param: known ? error.param : null,
      code: known ? error.code : null,
    },
  });
}
