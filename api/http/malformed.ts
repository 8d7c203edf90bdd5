/** Requests that never reach the app, because Node's HTTP server refuses them: they get an error body as every other. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ApiError } from '../../wire/errors/errors.ts';
import {
  headersTooLarge,
  invalidHttp,
  requestTooSlow,
  unknownExpectation,
} from '../../wire/errors/http-errors.ts';
import { mintId } from '../../wire/ids.ts';

/** In bytes, of the request line and all headers. */
const MAX_HEADER_BYTES = 16_384;

/** For a server that is given to `refuseMalformed`, which refuses requests without a host itself. */
export const PARSER_OPTIONS = { maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false };

/** The rest of a refused request is read and thrown away for so long, so that the sender gets to see the answer. */
const LINGER_MS = 2_000;

/** Passes every sound request on to `listener`. */
export function refuseMalformed(server: Server, listener: RequestListener): void {
  const current = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => {
    current.set(request.socket, response);
    const hostless = request.headers.host === undefined && request.httpVersion !== '1.0';
    if (hostless) refuse(request.socket, invalidHttp());
    else listener(request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage) =>
    refuse(request.socket, unknownExpectation(request.headers.expect ?? '')),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // An answer that has begun cannot be followed by another.
    if (current.get(socket)?.headersSent || error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, toApiError(error.code));
  });
}

function toApiError(code: string | undefined): ApiError {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge(MAX_HEADER_BYTES);
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? requestTooSlow() : invalidHttp();
}

/** Writes the answer itself: there may be no response object. */
function refuse(socket: Duplex, error: ApiError): void {
  if (!socket.writable) return;
  const body = JSON.stringify(error);
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${mintId('request')}`,
    'openai-version: 2020-10-01',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(lingering)).resume();
}
