/** Requests that never reach a route: the server's HTTP parser refuses them, and the client still gets an error it knows. */
import { once } from 'node:events';
import { connect } from 'node:net';

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

/** Sends bytes as they are, and reads until the server closes the connection. */
async function exchange(...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect(env.api.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  for (const piece of pieces) socket.write(piece);
  await once(socket, 'close');
  return answer;
}

/** The one answer, checked for being a whole one. */
function parsed(answer: string): { status: number; headers: Headers; error: unknown } {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  expect(first).toMatch(/^HTTP\/1\.1 \d{3} [A-Z]/);
  const headers = new Headers(lines.map((line) => line.split(': ') as [string, string]));
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(headers.get('connection')).toBe('close');
  expect(headers.get('x-request-id')).toMatch(/^req_/);
  expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(body));
  const { error } = JSON.parse(body) as { error: unknown };
  return { status: Number(first.split(' ')[1]), headers, error };
}

const auth = () => `authorization: Bearer ${env.apiKey}\r\n`;
const HOST = 'host: 127.0.0.1\r\n';

const invalid = {
  message: 'The request is not valid HTTP.',
  type: 'invalid_request_error',
  param: null,
  code: null,
};

test('answers headers that are too large', async () => {
  const tooLarge = {
    message: 'The request line and headers are larger than 16384 bytes.',
    type: 'invalid_request_error',
    param: null,
    code: 'request_headers_too_large',
  };
  const filler = 'x'.repeat(20_000);
  for (const request of [
    `GET /v1/models HTTP/1.1\r\n${HOST}${auth()}x-filler: ${filler}\r\n\r\n`,
    `GET /v1/models?x=${filler} HTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `GET /v1/models HTTP/1.1\r\n${HOST}x-filler: ${filler.repeat(100)}\r\n\r\n`,
  ]) {
    expect(parsed(await exchange(request))).toMatchObject({ status: 431, error: tooLarge });
  }
  const asked = env.clientFor(env.apiKey).models.list({ headers: { 'x-filler': filler } });
  const error = await asked.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OpenAI.APIError);
  expect(error).toMatchObject({ status: 431, error: tooLarge });
});

test.for([
  ['no HTTP at all', 'Hello there\r\n\r\n'],
  ['a TLS handshake', Buffer.from('160301020001000', 'hex')],
  ['an unknown method', `FETCH / HTTP/1.1\r\n${HOST}\r\n`],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a header without a name', `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`],
  ['a header with a line feed', `GET / HTTP/1.1\r\n${HOST}a: b\nc\r\n\r\n`],
  ['a length that is not a number', `POST / HTTP/1.1\r\n${HOST}content-length: x\r\n\r\n`],
  ['two lengths', `POST / HTTP/1.1\r\n${HOST}content-length: 1\r\ncontent-length: 2\r\n\r\nab`],
  [
    'a length and chunks',
    `POST / HTTP/1.1\r\n${HOST}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['no host', 'GET /v1/models HTTP/1.1\r\n\r\n'],
] as const)('answers %s', async ([, request]) => {
  expect(parsed(await exchange(request))).toMatchObject({ status: 400, error: invalid });
});

test('answers a chunked body that is malformed', async () => {
  const head = `POST /v1/threads HTTP/1.1\r\n${HOST}${auth()}transfer-encoding: chunked\r\n\r\n`;
  const answer = parsed(await exchange(head, 'nonsense\r\n'));
  expect(answer).toMatchObject({ status: 400, error: invalid });
});

test('answers an expectation that it does not know', async () => {
  const request = `POST /v1/threads HTTP/1.1\r\n${HOST}${auth()}expect: a-miracle\r\ncontent-length: 2\r\n\r\n`;
  expect(parsed(await exchange(request))).toMatchObject({
    status: 417,
    error: { message: "The expectation 'a-miracle' is not supported." },
  });
});

test('takes HTTP/1.0, and offers of another protocol', async () => {
  const old = await exchange(`GET /healthz HTTP/1.0\r\n\r\n`);
  expect(old).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  const offered = await exchange(
    `GET /healthz HTTP/1.1\r\n${HOST}connection: close, upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n`,
  );
  expect(offered).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test('writes nothing into a stream that is under way', async () => {
  const { assistant, threadId } = await setUp(env, [text('One two three.')]);
  const body = JSON.stringify({ assistant_id: assistant.id, stream: true });
  const request = `POST /v1/threads/${threadId}/runs HTTP/1.1\r\n${HOST}${auth()}content-length: ${body.length}\r\n\r\n${body}`;
  const socket = connect(env.api.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8');
  socket.write(request);
  for await (const chunk of socket as AsyncIterable<string>) {
    answer += chunk;
    if (answer.includes('thread.run.created')) socket.write('nonsense\r\n\r\n');
  }
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  expect(answer).not.toContain('not valid HTTP');
});
