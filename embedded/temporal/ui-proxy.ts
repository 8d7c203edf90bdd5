/**
 * Guards the UI of a local Temporal server, which answers everyone and whatever the Host header says: a page of any site could
 * reach it by a name that it points to this computer. The link has a token, which a cookie keeps.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The address of the unguarded UI. */
export type Target = { host: string; port: number };

export type UiProxy = {
  readonly port: number;
  /** With the token. */
  readonly link: string;
  close(): Promise<void>;
};

const HOST = '127.0.0.1';
const NAMES = new Set([HOST, 'localhost', '[::1]']);
const COOKIE = 'threadmill_ui';

/** Listens on `port`, or any free port for 0. Rejects when it cannot. `target` is called for each request. */
export async function openUiProxy(
  port: number,
  target: () => Target | undefined,
): Promise<UiProxy> {
  const token = randomBytes(24).toString('base64url');
  const server = createServer((incoming, answer) => {
    const refusal = refusalOf(incoming, token);
    if (refusal !== undefined) return end(answer, refusal.status, refusal.text);
    if (tokenIn(incoming.url) === undefined) return pass(incoming, answer, target());
    // The token must not stay in the address bar and in the history.
    answer.setHeader('set-cookie', `${COOKIE}=${token}; HttpOnly; SameSite=Strict; Path=/`);
    answer.setHeader('location', pathIn(incoming.url));
    return end(answer, 303, '');
  });
  server.listen(port, HOST);
  await once(server, 'listening');
  const { port: chosen } = server.address() as AddressInfo;
  return {
    port: chosen,
    link: `http://${HOST}:${chosen}/?token=${token}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Undefined: the request comes from a page of this address, or from none, and has the token. */
function refusalOf(
  { headers, url }: IncomingMessage,
  token: string,
): { status: number; text: string } | undefined {
  const host = headers.host ?? '';
  if (!NAMES.has(host.replace(/:\d+$/, ''))) {
    return { status: 403, text: `The Temporal UI answers to ${HOST} and localhost only.` };
  }
  // Cookies do not tell ports of one computer apart.
  if (headers.origin !== undefined && headers.origin !== `http://${host}`) {
    return { status: 403, text: 'The Temporal UI takes requests of its own pages only.' };
  }
  const cookie = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(headers.cookie ?? '')?.[1];
  if (isSame(tokenIn(url) ?? cookie ?? '', token)) return undefined;
  return { status: 401, text: 'Open the link to the Temporal UI that npm start has printed.' };
}

function tokenIn(url = '/'): string | undefined {
  return new URLSearchParams(url.split('?')[1]).get('token') ?? undefined;
}

/** Without the query. A path of two slashes would name another host. */
function pathIn(url = '/'): string {
  return url.split('?')[0]!.replace(/^\/[/\\]+/, '/');
}

function isSame(given: string, token: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function pass(incoming: IncomingMessage, answer: ServerResponse, target: Target | undefined): void {
  const { method, url: path, headers } = incoming;
  const sent = request({ ...target, method, path, headers, agent: false });
  sent.on('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  sent.on('error', () => {
    if (answer.headersSent) answer.destroy();
    else end(answer, 502, 'The Temporal server does not answer.');
  });
  answer.on('close', () => sent.destroy());
  incoming.pipe(sent);
}

function end(answer: ServerResponse, status: number, text: string): void {
  answer.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
