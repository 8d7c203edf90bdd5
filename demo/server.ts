/** Serves the built-in demo model as chat completions. answer.ts decides by rules. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { answer } from './answer.ts';
import { CHAT_REQUEST } from './request.ts';
import { complete } from './stream.ts';

/** `baseUrl` ends in /v1. `close` cuts the answers that are being streamed. */
export type DemoModel = { baseUrl: string; close(): Promise<void> };

/** Starts the demo model on a free port of 127.0.0.1. */
export async function startDemoModel({ tokensPerSecond = 70 } = {}): Promise<DemoModel> {
  const server = createServer((request, response) => {
    handle(request, response, 1000 / tokensPerSecond).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendFailure(response, error);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { baseUrl: `http://127.0.0.1:${port}/v1`, close };
}

async function handle(request: IncomingMessage, response: ServerResponse, intervalMs: number) {
  const route = `${request.method} ${request.url?.split('?')[0]}`;
  if (route !== 'POST /v1/chat/completions') {
    return sendError(response, 404, `The demo model serves chat completions only, not ${route}.`);
  }
  const chat = CHAT_REQUEST.parse(await json(request));
  const { completion, chunks } = complete(answer(chat), chat);
  if (!chat.stream) return send(response, 200, completion);
  await stream(response, chunks, intervalMs);
}

async function stream(response: ServerResponse, chunks: object[], intervalMs: number) {
  response.socket?.setNoDelay(true);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const start = performance.now();
  for (const [place, chunk] of chunks.entries()) {
    // Each chunk has a fixed time after the start, so that the rate holds although timers are late.
    const wait = start + intervalMs * place - performance.now();
    if (wait > 0) await pause(wait);
    // The client has left.
    if (response.destroyed) return;
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
  response.end('data: [DONE]\n\n');
}

function sendFailure(response: ServerResponse, error: unknown): void {
  if (error instanceof SyntaxError) return sendError(response, 400, 'The body is not JSON.');
  if (!(error instanceof z.ZodError)) {
    return sendError(response, 500, `The demo model failed: ${String(error)}`);
  }
  const { path, message } = error.issues[0]!;
  const param = z.core.toDotPath(path);
  sendError(response, 400, `${message} at ${param}`, param);
}

function sendError(response: ServerResponse, status: number, message: string, param?: string) {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  send(response, status, { error: { message, type, param: param ?? null, code: null } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
