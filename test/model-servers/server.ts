/** Plays the rows: one port, and for each row a base URL of its own, as servers are learnt by their URL. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';

import type { RawReply, Row, Sent } from './row.ts';
import { afterTools, body, DONE, text } from './row.ts';

export interface RowServer extends AsyncDisposable {
  baseUrl(index: number): string;
  /** What a row's server received, in order. */
  requests(index: number): Sent[];
}

export async function startRowServer(rows: readonly Row[]): Promise<RowServer> {
  const requests = rows.map((): Sent[] => []);
  const server = createServer((request, response) => {
    serve(rows, requests, request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => socket.setNoDelay(true));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: (index) => `http://127.0.0.1:${port}/${index}/v1`,
    requests: (index) => requests[index]!,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  rows: readonly Row[],
  requests: Sent[][],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, index, path] = /^\/(\d+)(\/[^?]*)/.exec(request.url ?? '') ?? [];
  const row = rows[Number(index)];
  if (row === undefined || path !== '/v1/chat/completions') {
    const known = path === '/v1/models' ? row?.models : undefined;
    return play(known === undefined ? body(404, '') : body(200, known), response);
  }
  const sent = JSON.parse(await readText(request)) as Sent;
  const n = requests[Number(index)]!.push(sent) - 1;
  return play(replyTo(row, sent, n), response);
}

function replyTo({ replies }: Row, sent: Sent, n: number): RawReply {
  if (typeof replies === 'function') return replies(sent, n);
  if (!Array.isArray(replies)) return afterTools(sent) ? text(DONE) : replies;
  const unexpected = { error: { message: `Request ${n + 1} has no reply.`, code: 'overrun' } };
  return replies[n] ?? (afterTools(sent) ? text(DONE) : body(400, unexpected));
}

async function play(reply: RawReply, response: ServerResponse): Promise<void> {
  response.writeHead(reply.status, reply.headers);
  response.flushHeaders();
  for (const part of reply.parts) {
    if (response.destroyed) return;
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.write(part, () => {
        response.off('close', resolve);
        resolve();
      });
    });
    await setImmediate();
  }
  if (reply.cut) response.destroy();
  else if (!reply.stays) response.end();
}
