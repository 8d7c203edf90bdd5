/** Bodies in the encodings that clients and proxies send, and those that are not what they say. */
import { request as httpRequest } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';
import { form } from '../support/forms.ts';

const LIMIT = 100_000;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { bodyLimitBytes: LIMIT } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

function post(body: Buffer | string, headers: Record<string, string>, path = '/assistants') {
  const sent = typeof body === 'string' ? body : new Uint8Array(body);
  return env.fetch(`/v1${path}`, { method: 'POST', body: sent, headers });
}

const NAME = 'Café "Größe" – ½ €';
const json = (name: string) => JSON.stringify({ model: 'm', name });

const READABLE: [string, Record<string, string>, Buffer, string?][] = [
  ['gzip', { 'content-encoding': 'gzip' }, gzipSync(json(NAME))],
  ['GZIP', { 'content-encoding': 'GZIP' }, gzipSync(json(NAME))],
  ['deflate', { 'content-encoding': 'deflate' }, deflateSync(json(NAME))],
  ['br', { 'content-encoding': 'br' }, brotliCompressSync(json(NAME))],
  ['zstd', { 'content-encoding': 'zstd' }, zstdCompressSync(json(NAME))],
  ['identity', { 'content-encoding': 'identity' }, Buffer.from(json(NAME))],
  ['utf-8', { 'content-type': 'application/json; charset=UTF-8' }, Buffer.from(json(NAME))],
  ['a byte order mark', { 'content-type': 'application/json' }, Buffer.from(`\ufeff${json(NAME)}`)],
  [
    'utf-16le',
    { 'content-type': 'application/json; charset="utf-16le"' },
    Buffer.from(json(NAME), 'utf16le'),
  ],
  [
    'iso-8859-1',
    { 'content-type': 'application/json; charset=iso-8859-1' },
    Buffer.from(json('Café "Größe" ½'), 'latin1'),
    'Café "Größe" ½',
  ],
  [
    'latin1 and gzip',
    { 'content-type': 'text/plain;charset=latin1', 'content-encoding': 'gzip' },
    gzipSync(Buffer.from(json('Müller'), 'latin1')),
    'Müller',
  ],
  [
    'windows-1252',
    { 'content-type': 'application/json;charset=windows-1252' },
    Buffer.from(json('5 \x80'), 'latin1'),
    '5 €',
  ],
  [
    'shift_jis',
    { 'content-type': 'application/json; charset=Shift_JIS' },
    Buffer.from(json('\x93\xfa\x96{'), 'latin1'),
    '日本',
  ],
  [
    'us-ascii',
    { 'content-type': 'application/json; charset=us-ascii' },
    Buffer.from(json('a')),
    'a',
  ],
];

test.for(READABLE)('reads %s', async ([, headers, body, name = NAME]) => {
  const answer = await post(body, headers);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ name });
});

const unreadable = {
  status: 400,
  message:
    'The request body could not be read: it is not what its content-encoding or content-length says.',
  type: 'invalid_request_error',
  param: null,
  code: null,
};

test.for(['gzip', 'deflate', 'br', 'zstd'])(
  'refuses a body that only says it is %s',
  async (encoding) => {
    const headers = { 'content-encoding': encoding };
    for (const body of [json('x'), 'x', Buffer.from([0x1f, 0x8b]), Buffer.alloc(1_000)]) {
      expect(await errorOf(post(body, headers))).toEqual(unreadable);
    }
  },
);

test('refuses a compressed body that ends early', async () => {
  for (const [encoding, whole] of [
    ['gzip', gzipSync(json(NAME))],
    ['deflate', deflateSync(json(NAME))],
    ['br', brotliCompressSync(json(NAME))],
  ] as const) {
    expect(await errorOf(post(whole.subarray(0, -5), { 'content-encoding': encoding }))).toEqual(
      unreadable,
    );
  }
});

test('refuses what it cannot decode, and says what it can', async () => {
  const encoding = (value: string) => ({
    status: 415,
    message: `Unsupported content encoding: '${value}'. This server accepts here: gzip, deflate, br, zstd, identity.`,
    type: 'invalid_request_error',
    param: null,
    code: 'unsupported_media_type',
  });
  for (const value of ['compress', 'gzip, br', 'x']) {
    expect(await errorOf(post(json('x'), { 'content-encoding': value }))).toEqual(encoding(value));
  }
  const { headers, body } = form(
    { name: 'purpose', content: 'vision' },
    { name: 'file', filename: 'a.png', content: 'x' },
  );
  const compressed = { ...headers, 'content-encoding': 'gzip' };
  expect(await errorOf(post(gzipSync(body), compressed, '/files'))).toEqual({
    ...encoding('gzip'),
    message: "Unsupported content encoding: 'gzip'. This server accepts here: identity.",
  });
  expect((await post(body, { ...headers, 'content-encoding': 'identity' }, '/files')).status).toBe(
    200,
  );

  for (const charset of ['klingon', 'utf-99', "it's"]) {
    expect(
      await errorOf(post(json('x'), { 'content-type': `application/json; charset=${charset}` })),
    ).toEqual({
      ...encoding(''),
      message: `Unsupported charset: '${charset}'. Please send UTF-8.`,
    });
  }
});

test('counts the bytes that a compressed body becomes', async () => {
  const tooLarge = {
    status: 413,
    message: `Request body too large. The most this server accepts here is ${LIMIT} bytes.`,
    code: 'request_too_large',
  };
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const bomb = compress(Buffer.alloc(5_000_000, ' '));
    expect(bomb.length).toBeLessThan(LIMIT);
    expect(await errorOf(post(bomb, { 'content-encoding': encoding }))).toMatchObject(tooLarge);
    const fits = compress(json('x').padEnd(LIMIT));
    expect((await post(fits, { 'content-encoding': encoding })).status).toBe(200);
  }
});

test('reads no body as an empty object, and refuses what is not JSON', async () => {
  const bodiless = await env.fetch('/v1/threads', { method: 'POST' });
  expect(bodiless.status).toBe(200);
  expect((await post('', {}, '/threads')).status).toBe(200);
  expect((await post(gzipSync(''), { 'content-encoding': 'gzip' }, '/threads')).status).toBe(200);
  for (const body of ['{', "{'a': 1}", 'model=m', '{"a":1}}', '\u0000']) {
    expect(await errorOf(post(body, {}))).toMatchObject({
      status: 400,
      message: expect.stringMatching(/^We could not parse the JSON body of your request\./),
    });
  }
  const latin1 = Buffer.from('{"metadata": {"name": "café"}}', 'latin1');
  expect(await errorOf(post(latin1, {}, '/threads'))).toMatchObject({
    status: 400,
    message: expect.stringMatching(/^We could not parse the JSON body of your request\./),
  });
  for (const body of ['[]', '"x"', '1', 'null']) {
    expect((await errorOf(post(body, {}))).status).toBe(400);
  }
});

test('reads a body that comes in pieces without a length', async () => {
  const answer = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(
      `${env.api.url}/v1/assistants`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${env.apiKey}`, 'content-encoding': 'gzip' },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    ).on('error', reject);
    for (const byte of gzipSync(json(NAME))) request.write(Buffer.from([byte]));
    request.end();
  });
  expect(answer).toBe(200);
});
