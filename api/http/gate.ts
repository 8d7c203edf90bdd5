/**
 * The listening port, open from the first moment: until the app is admitted, every request but /healthz is answered
 * 503, so that a client that waits for /readyz gets an answer instead of a refused connection.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { unavailable } from '../../wire/errors/http-errors.ts';
import { PARSER_OPTIONS, refuseMalformed } from './malformed.ts';

/**
 * In ms. Idle connections outlive the usual proxy's, so that it is never handed one that is being closed. A request may take
 * an hour because an upload may; the app cuts other bodies much earlier.
 */
const SERVER_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 3_600_000,
  keepAliveTimeout: 75_000,
};

/** Requests get this long to end by themselves when the process stops; a client resumes a stream that is cut. */
const DRAIN_MS = 5_000;

export type Gate = {
  /** `http://host:port`, without the `/v1` of the API's paths. */
  url: string;
  port: number;
  /** From now on requests go to the app. */
  admit(app: RequestListener): void;
  /** Takes no new connection, waits for what is under way, then aborts `stopping`, then cuts what is left. */
  close(stopping: AbortController): Promise<void>;
};

/** @throws the error of listen(), such as EADDRINUSE */
export async function openGate(host: string, port: number): Promise<Gate> {
  let listener: RequestListener = answerStarting;
  const server = createServer({ ...SERVER_LIMITS, ...PARSER_OPTIONS });
  refuseMalformed(server, (request, response) => listener(request, response));
  const bound = await listen(server, host, port);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    admit: (app) => (listener = app),
    close: (stopping) => drain(server, stopping),
  };
}

function answerStarting(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('retry-after', '1');
  const path = request.url?.split('?')[0];
  if (path === '/healthz') response.end(JSON.stringify({ status: 'ok' }));
  else if (path === '/readyz') {
    response.writeHead(503).end(JSON.stringify({ status: 'starting', parts: {} }));
  } else response.writeHead(503).end(JSON.stringify(unavailable('The server is starting.', 1)));
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function drain(server: Server, stopping: AbortController): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })]);
  stopping.abort();
  await Promise.race([closed, sleep(1_000, undefined, { ref: false })]);
  server.closeAllConnections();
  await closed;
}
