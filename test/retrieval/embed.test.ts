/** The embeddings client against a small HTTP server. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';

import { createEmbedder, EmbeddingError, parseRetryAfter } from '../../retrieval/index.ts';

const KEY = 'sk-canary-4711';

type Body = { model: string; input: string[]; dimensions?: number };
type Answer = (
  body: Body,
  response: ServerResponse,
  request: IncomingMessage,
) => void | Promise<void>;

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

test('vectors come back in the order of the texts, of length 1', async () => {
  const server = await start((body, response) => {
    const data = body.input.map((text, index) => ({ index, embedding: [text.length, 0, 0] }));
    reply(response, { data: data.reverse() });
  });
  const texts = Array.from({ length: 300 }, (_, index) => 'x'.repeat(index + 1));
  const vectors = await server.embedder().embed(texts);
  expect(vectors).toHaveLength(300);
  expect(vectors[7]).toEqual(Float32Array.of(1, 0, 0));
  expect(server.bodies.map(({ input }) => input.length).sort((a, b) => b - a)).toEqual([
    96, 96, 96, 12,
  ]);
  expect(server.bodies[0]).toMatchObject({ model: 'm', dimensions: 3 });
  expect(server.headers[0]).toBe(`Bearer ${KEY}`);
});

test('no texts are no request, and null dimensions are not sent', async () => {
  const server = await start(echo);
  expect(await server.embedder().embed([])).toEqual([]);
  expect(server.bodies).toEqual([]);
  await server.embedder({ dimensions: null }).embed(['a']);
  expect(server.bodies[0]).toEqual({ model: 'm', input: ['a'] });
});

test('long texts are sent in smaller batches', async () => {
  const server = await start(echo);
  await server.embedder().embed(Array.from({ length: 6 }, () => 'x'.repeat(100_000)));
  expect(server.bodies.map(({ input }) => input.length)).toEqual([2, 2, 2]);
});

test('at most four requests are under way, over all calls', async () => {
  let running = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const server = await start(async (body, response) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      // The fourth lets all go on: were there never four at once, this would not end.
      if (waiting.length === 4) waiting.splice(0).forEach((go) => go());
    });
    running -= 1;
    echo(body, response);
  });
  const embedder = server.embedder();
  const texts = Array.from({ length: 96 * 6 }, () => 'x');
  await Promise.all([embedder.embed(texts), embedder.embed(texts)]);
  expect(most).toBe(4);
});

test('vectors of another length than asked for are kept, and base64 is read', async () => {
  const server = await start((body, response) => {
    const embedding = Buffer.from(Float32Array.of(3, 4).buffer).toString('base64');
    reply(response, { data: body.input.map((_, index) => ({ index, embedding })) });
  });
  const [vector] = await server.embedder().embed(['a']);
  expect(vector).toEqual(Float32Array.of(0.6, 0.8));
});

test('huge, tiny and zero vectors are numbers', async () => {
  const embeddings = [
    [1e30, 1e30],
    [1e-30, 0],
    [0, 0],
  ];
  const server = await start((_, response) =>
    reply(response, { data: embeddings.map((embedding, index) => ({ index, embedding })) }),
  );
  const [huge, tiny, zero] = await server.embedder().embed(['a', 'b', 'c']);
  expect(huge?.[0]).toBeCloseTo(Math.SQRT1_2);
  expect(tiny).toEqual(Float32Array.of(1, 0));
  expect(zero).toEqual(Float32Array.of(0, 0));
});

test.each([
  ['too few vectors', { data: [] }],
  [
    'the same index twice',
    {
      data: [
        { index: 0, embedding: [1] },
        { index: 0, embedding: [1] },
      ],
    },
  ],
  [
    'an index out of range',
    {
      data: [
        { index: 0, embedding: [1] },
        { index: 7, embedding: [1] },
      ],
    },
  ],
  [
    'different lengths',
    {
      data: [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [1, 2] },
      ],
    },
  ],
  [
    'no numbers',
    {
      data: [
        { index: 0, embedding: ['1'] },
        { index: 1, embedding: [null] },
      ],
    },
  ],
  [
    'empty vectors',
    {
      data: [
        { index: 0, embedding: [] },
        { index: 1, embedding: [] },
      ],
    },
  ],
  [
    'numbers that are none as floats',
    {
      data: [
        { index: 0, embedding: [1e300] },
        { index: 1, embedding: [1] },
      ],
    },
  ],
  ['no object', 'null'],
  ['no JSON', `<html>${KEY}</html>`],
])('an answer with %s is an error that may pass', async (_, answer) => {
  const server = await start((_body, response) => reply(response, answer));
  const error = await failure(server.embedder().embed(['a', 'b']));
  expect(error).toMatchObject({ name: 'EmbeddingError', retryable: true });
  expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(KEY);
});

test.each([
  [400, {}, false],
  [401, {}, false],
  [403, {}, false],
  [404, {}, false],
  [408, {}, true],
  [413, {}, false],
  [429, {}, true],
  [429, { code: 'insufficient_quota' }, false],
  [500, {}, true],
  [503, {}, true],
])('status %i %j: worth another try: %s', async (status, error, retryable) => {
  const message = `Incorrect API key provided: ${KEY}. Your text was: secret words.`;
  const server = await start((_, response) => {
    response.writeHead(status, { 'retry-after': '7' });
    response.end(JSON.stringify({ error: { message, ...error } }));
  });
  const thrown = await failure(server.embedder().embed(['secret words']));
  expect(thrown).toBeInstanceOf(EmbeddingError);
  expect(thrown.retryable).toBe(retryable);
  expect(thrown.retryAfterMs).toBe(retryable ? 7_000 : undefined);
  expect(`${thrown.stack} ${JSON.stringify(thrown)}`).not.toMatch(/canary|secret/);
});

test('a redirect is not followed: it would carry the key elsewhere', async () => {
  const other = await start(echo);
  const server = await start((_, response) => {
    response.writeHead(307, { location: `${other.baseUrl}/embeddings` }).end();
  });
  expect(await failure(server.embedder().embed(['a']))).toBeInstanceOf(EmbeddingError);
  expect(other.bodies).toEqual([]);
});

test('a server that is not there, or cuts the answer, may come back', async () => {
  const server = await start((_, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"data": [');
    response.socket?.destroy();
  });
  const embedder = server.embedder();
  expect((await failure(embedder.embed(['a']))).retryable).toBe(true);
  server.stop();
  expect((await failure(embedder.embed(['a']))).retryable).toBe(true);
});

test('an aborted call ends its requests and throws the reason', async () => {
  const reason = new Error('the run was cancelled');
  const controller = new AbortController();
  const closed = Promise.withResolvers<void>();
  const server = await start((_, response, request) => {
    request.socket.once('close', () => closed.resolve());
    response.flushHeaders();
    controller.abort(reason);
  });
  await expect(server.embedder().embed(['a'], controller.signal)).rejects.toBe(reason);
  await closed.promise;
  await expect(server.embedder().embed(['a'], controller.signal)).rejects.toBe(reason);
  expect(server.bodies).toHaveLength(1);
});

test('the first failure ends the other requests of its call', async () => {
  const closed = Promise.withResolvers<void>();
  let requests = 0;
  const server = await start((_, response, request) => {
    requests += 1;
    if (requests === 1) request.socket.once('close', () => closed.resolve());
    else response.writeHead(503).end();
  });
  const texts = Array.from({ length: 200 }, () => 'x');
  expect((await failure(server.embedder().embed(texts))).retryable).toBe(true);
  await closed.promise;
});

test.each([
  ['120', 120_000],
  ['0', 0],
  ['1.5', 1_500],
  ['Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
  ['Wed, 21 Oct 2026 07:27:00 GMT', undefined],
  ['-5', undefined],
  ['soon', undefined],
  ['', undefined],
  ['1e9', undefined],
  ['999999999', 3_600_000],
])('Retry-After: %s', (value, expected) => {
  const now = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');
  expect(parseRetryAfter(new Headers({ 'retry-after': value }), 3_600_000, now)).toBe(expected);
});

test('the exact delay wins, and none is none', () => {
  expect(parseRetryAfter(new Headers({ 'retry-after': '9', 'retry-after-ms': '250' }), 1_000)).toBe(
    250,
  );
  expect(parseRetryAfter(new Headers(), 1_000)).toBeUndefined();
});

const echo = ({ input }: Body, response: ServerResponse) =>
  reply(response, { data: input.map((_, index) => ({ index, embedding: [1, 2, 2] })) });

function reply(response: ServerResponse, answer: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
}

async function failure(promise: Promise<unknown>): Promise<EmbeddingError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof EmbeddingError) return error;
  throw new Error('That did not fail.', { cause: error });
}

async function start(answer: Answer) {
  const bodies: Body[] = [];
  const headers: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    void handle(request, response);
  });
  async function handle(request: IncomingMessage, response: ServerResponse) {
    let text = '';
    for await (const part of request) text += String(part);
    const body = JSON.parse(text) as Body;
    bodies.push(body);
    headers.push(request.headers.authorization);
    await answer(body, response, request);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  stops.push(stop);
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    bodies,
    headers,
    baseUrl,
    stop,
    embedder: (more: { dimensions?: number | null } = {}) =>
      createEmbedder({ baseUrl: `${baseUrl}/`, apiKey: KEY, model: 'm', dimensions: 3, ...more }),
  };
}
