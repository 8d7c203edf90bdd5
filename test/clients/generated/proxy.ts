/**
 * Stands between generated tests and the server: it makes the objects that a request names, and names them in it. Every
 * request has a project of its own, so that no test depends on what another did.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { createApiKey } from '../../../db/projects/api-keys.ts';
import type { Environment } from '../../support/environment.ts';
import { inBody, inPath, inQuery } from './placeholders.ts';
import { RealObjects, scriptModels } from './real-objects.ts';

const PASSED_ON = ['content-type', 'accept', 'openai-beta'];

export interface SubstitutingProxy extends AsyncDisposable {
  /** Without `/v1`, as the tests expect their server. */
  url: string;
}

export async function startProxy(env: Environment): Promise<SubstitutingProxy> {
  scriptModels(env);
  const server = createServer((request, response) => {
    answer(env, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(599).end(`The proxy failed: ${String(error)}`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  env: Environment,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://proxy');
  const { method = 'GET' } = request;
  const body = await buffer(request);
  const json = isJson(request) ? body.toString() : '';
  const apiKey = await createApiKey(env.pool, { projectName: randomUUID(), name: 'generated' });
  const objects = new RealObjects(env.clientFor(apiKey));
  const ids = await objects.for(`${method} ${request.url} ${json}`);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const query = inQuery(searchParams, pathname, ids);
  const answered = await env.fetch(`/v1${inPath(pathname, ids)}?${query.toString()}`, {
    method,
    headers: { ...headersOf(request), authorization: `Bearer ${apiKey}` },
    body: json === '' ? bytes(body) : JSON.stringify(inBody(JSON.parse(json), pathname, ids)),
    signal: gone.signal,
  });
  response.writeHead(answered.status, [...answered.headers].flat());
  if (answered.body === null) response.end();
  else await pipeline(Readable.fromWeb(answered.body), response).catch(() => {});
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const given = PASSED_ON.map((name) => [name, request.headers[name]] as const);
  const sent = given.filter((header): header is [string, string] => typeof header[1] === 'string');
  return Object.fromEntries(sent);
}

function isJson(request: IncomingMessage): boolean {
  return request.headers['content-type']?.includes('json') ?? false;
}

function bytes(body: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> | null {
  return body.length === 0 ? null : body;
}
