/** Other endpoints than the Assistants API's, through the official client, with a server that records what it gets. */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';

import OpenAI, { AzureOpenAI, toFile } from 'openai';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { listModelUsage } from '../../db/projects/model-usage.ts';
import { startDemoModel } from '../../demo/server.ts';
import { countTokens } from '../../wire/tokens.ts';
import { Environment } from '../support/environment.ts';
import { chunk, event, FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import { errorOf } from '../support/error-of.ts';

const KEY = 'sk-the-servers-own';
const USAGE = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const HELLO = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'llama-3.3',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: USAGE,
};
const messages = [{ role: 'user' as const, content: 'Hi there' }];

let env: Environment;
let upstream: FakeUpstream;
let embeddings: FakeUpstream;
let client: OpenAI;
beforeAll(async () => {
  upstream = await FakeUpstream.start();
  embeddings = await FakeUpstream.start();
  process.env.TEST_UPSTREAM_KEY = KEY;
  const served = { base_url: upstream.baseUrl, api_key_env: 'TEST_UPSTREAM_KEY' };
  env = await Environment.start({
    worker: false,
    config: {
      modelBaseUrl: undefined,
      models: [
        { id: 'tutor', ...served, upstream_model: 'llama-3.3' },
        { id: 'org/plain', ...served },
        { id: 'away', base_url: 'http://127.0.0.1:9/v1' },
      ],
      embeddingsBaseUrl: embeddings.baseUrl,
      embeddingsApiKey: 'sk-embeddings',
      embeddingsModel: 'embedder',
      corsOrigins: ['*'],
      fileLimitBytes: 50_000_000,
    },
  });
  client = env.client;
});
beforeEach(() => {
  upstream.answer = (_received, response) => sendJson(response, HELLO);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await embeddings[Symbol.asyncDispose]();
});

/** A project of its own, and what it used as `model endpoint: requests/estimated prompt+completion=total`. */
async function newProject(): Promise<{ client: OpenAI; usage: () => Promise<string[]> }> {
  const projectName = randomUUID();
  const apiKey = await createApiKey(env.pool, { projectName, name: 'test' });
  const usage = async () =>
    (await listModelUsage(env.pool, 1, projectName)).map(
      ({ model, endpoint, requests, estimated, ...tokens }) =>
        `${model} ${endpoint}: ${requests}/${estimated} ${tokens.prompt_tokens}+${tokens.completion_tokens}=${tokens.total_tokens}`,
    );
  return { client: env.clientFor(apiKey), usage };
}

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  env.fetch(path, { method: 'POST', body, headers });

test('passes a request on with the name, the address and the key of its server, and nothing of its caller', async () => {
  upstream.answer = (_received, response) =>
    sendJson(response, HELLO, 200, {
      'set-cookie': 'a=b',
      server: 'secret/1.0',
      'openai-organization': 'org-secret',
      'x-request-id': 'req_theirs',
      'x-ratelimit-remaining-requests': '9',
      'access-control-allow-origin': 'https://theirs.example',
    });
  const body = {
    model: 'tutor',
    messages,
    seed: 7,
    logit_bias: { 50256: -100 },
    own_field: [null],
  };
  const response = await post('/v1/chat/completions', JSON.stringify(body), {
    cookie: 'session=1',
    origin: 'https://app.example',
    'x-stainless-lang': 'js',
    'openai-organization': 'org-callers',
    'idempotency-key': 'k',
  });
  expect(await response.json()).toEqual(HELLO);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/json',
    'x-request-id': expect.stringMatching(/^req_[0-9A-Za-z]{24}$/),
    'x-ratelimit-remaining-requests': '9',
    'access-control-allow-origin': '*',
  });
  for (const name of ['set-cookie', 'server', 'openai-organization']) {
    expect(response.headers.get(name)).toBeNull();
  }
  const { method, url, headers, json } = upstream.last;
  expect(`${method} ${url}`).toBe('POST /v1/chat/completions');
  expect(json).toEqual({ ...body, model: 'llama-3.3' });
  const { host: _host, connection: _connection, 'content-length': _length, ...sent } = headers;
  expect(sent).toEqual({
    authorization: `Bearer ${KEY}`,
    accept: '*/*',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'user-agent': 'threadmill',
    'x-request-id': response.headers.get('x-request-id'),
  });
});

test('streams an answer while it is made, and counts what the server reports', async () => {
  const { client: own, usage } = await newProject();
  let finish = () => {};
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(chunk('Hel')));
    finish = () => {
      response.write(event(chunk('lo.')));
      response.end(event({ ...chunk(''), choices: [], usage: USAGE }) + event('[DONE]'));
    };
  };
  const stream_options = { include_usage: true };
  const body = { model: 'tutor', messages, stream: true, stream_options } as const;
  const { data, response } = await own.chat.completions.create(body).withResponse();
  expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
  let said = '';
  for await (const { choices } of data) {
    if (said === '') finish();
    said += choices[0]?.delta.content ?? '';
  }
  expect(said).toBe('Hello.');
  expect(upstream.last.json).toEqual({ ...body, model: 'llama-3.3' });
  // The client stops reading at [DONE]; the answer ends, and is counted, after that.
  await expect.poll(usage).toEqual(['tutor chat/completions: 1/0 5+2=7']);
});

test('stops the server when its client leaves, and counts what had come by then', async () => {
  const { client: own, usage } = await newProject();
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let index = 0; index < 50; index++) response.write(event(chunk(' word')));
  };
  const stream = await own.chat.completions.create({ model: 'tutor', messages, stream: true });
  let count = 0;
  for await (const _chunk of stream) if (++count === 50) break;
  expect(await upstream.last.closed).toBe(true);
  await expect
    .poll(usage, { timeout: 20_000 })
    .toEqual([expect.stringMatching(/^tutor chat\/completions: 1\/1 \d\+50=5\d$/)]);
});

test('estimates the tokens of answers that report none, of whatever kind', async () => {
  const { client: own, usage } = await newProject();
  const { usage: _usage, ...silent } = HELLO;
  upstream.answer = (_received, response) => sendJson(response, silent);
  await own.chat.completions.create({ model: 'tutor', messages });
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const text = 'größer "zitiert"';
    response.write(event({ type: 'response.created', response: { id: 'resp_1', usage: null } }));
    for (const delta of [text.slice(0, 5), text.slice(5)]) {
      response.write(event({ type: 'response.output_text.delta', delta }));
    }
    response.end(event({ type: 'response.output_text.done', text }));
  };
  const stream = await own.responses.create({ model: 'tutor', input: 'Hi', stream: true });
  for await (const _event of stream);
  const [chat, responses] = await usage();
  const tokens = countTokens('größer "zitiert"');
  expect(chat).toMatch(/^tutor chat\/completions: 1\/1 \d\+\d=\d$/);
  expect(responses).toMatch(new RegExp(`^tutor responses: 1/1 \\d\\+${tokens}=`));
});

test('serves completions, moderations, images and speech', async () => {
  const { client: own, usage } = await newProject();
  const model = 'org/plain';
  upstream.answer = ({ url }, response) => sendJson(response, { url, usage: USAGE });
  await own.completions.create({ model, prompt: 'Once' });
  await own.moderations.create({ model, input: 'Once' });
  await own.images.generate({ model, prompt: 'An otter' });
  const speech = randomBytes(3_000_000);
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': speech.length });
    response.end(speech);
  };
  const spoken = await own.audio.speech.create({ model, voice: 'alloy', input: 'Hello' });
  expect(spoken.headers.get('content-type')).toBe('audio/mpeg');
  expect(Buffer.from(await spoken.arrayBuffer()).equals(speech)).toBe(true);
  expect(upstream.received.slice(-4).map(({ url, json }) => [url, json.model])).toEqual([
    ['/v1/completions', model],
    ['/v1/moderations', model],
    ['/v1/images/generations', model],
    ['/v1/audio/speech', model],
  ]);
  await expect
    .poll(usage, { timeout: 20_000 })
    .toEqual([
      `${model} audio/speech: 1/0 0+0=0`,
      `${model} completions: 1/0 5+2=7`,
      `${model} images/generations: 1/0 5+2=7`,
      `${model} moderations: 1/0 5+2=7`,
    ]);
});

test('makes vectors at the server of embeddings, unless the models file names the model', async () => {
  const { client: own, usage } = await newProject();
  const embedding = Array.from({ length: 3_000 }, () => Math.random());
  const data = Array.from({ length: 40 }, (_, index) => ({
    object: 'embedding',
    index,
    embedding,
  }));
  const answer = { object: 'list', data, model: 'e', usage: { prompt_tokens: 9, total_tokens: 9 } };
  embeddings.answer = (_received, response) => sendJson(response, answer);
  upstream.answer = embeddings.answer;
  const encoding_format = 'float';
  const made = await own.embeddings.create({ model: 'embedder', input: ['a'], encoding_format });
  expect(made.data).toEqual(data);
  expect(embeddings.last.headers.authorization).toBe('Bearer sk-embeddings');
  await own.embeddings.create({ model: 'tutor', input: ['a'], encoding_format });
  expect(upstream.last.json.model).toBe('llama-3.3');
  expect(await usage()).toEqual(['embedder embeddings: 1/0 9+0=9', 'tutor embeddings: 1/0 9+0=9']);
});

test('passes forms on, wherever in them the model is', async () => {
  const { client: own, usage } = await newProject();
  upstream.answer = (_received, response) => sendJson(response, { text: 'Hello.', usage: USAGE });
  const sound = randomBytes(2_000_000);
  const file = await toFile(sound, 'größe.mp3');
  for (const body of [
    { file, model: 'tutor', language: 'de', prompt: 'tutor' },
    { model: 'tutor', prompt: 'tutor', language: 'de', file },
  ]) {
    expect((await own.audio.transcriptions.create(body)).text).toBe('Hello.');
    const form = await receivedForm();
    expect(Object.fromEntries(form)).toMatchObject({
      model: 'llama-3.3',
      prompt: 'tutor',
      language: 'de',
    });
    const sent = form.get('file') as File;
    expect(sent.name).toBe('größe.mp3');
    expect(Buffer.from(await sent.arrayBuffer()).equals(sound)).toBe(true);
  }
  await own.images.edit({ model: 'tutor', prompt: 'x', image: [file, file] });
  expect((await receivedForm()).getAll('image[]').length).toBe(2);
  await own.audio.translations.create({ model: 'tutor', file });
  expect(upstream.last.url).toBe('/v1/audio/translations');
  expect(await usage()).toEqual([
    'tutor audio/transcriptions: 2/0 10+4=14',
    'tutor audio/translations: 1/0 5+2=7',
    'tutor images/edits: 1/0 5+2=7',
  ]);
});

function receivedForm(): Promise<FormData> {
  const { body, headers } = upstream.last;
  const type = { 'content-type': headers['content-type']! };
  return new Response(new Uint8Array(body), { headers: type }).formData();
}

/** A form as other clients write it, sent in pieces of `size`. */
async function sendForm(parts: string[], size = Infinity, query = ''): Promise<Response> {
  const text = parts.map((part) => `--a'b+c\r\n${part}\r\n`).join('');
  const bytes = Buffer.from(`${text}--a'b+c--\r\n`);
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  })();
  return fetch(`${env.api.url}/v1/audio/transcriptions${query}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${env.apiKey}`,
      'content-type': `multipart/form-data; boundary="a'b+c"`,
    },
    body: ReadableStream.from(pieces),
    duplex: 'half',
  } as RequestInit);
}

test.each([1, 7, 100_000])('reads forms of other clients, in pieces of %i bytes', async (size) => {
  const fields = [
    'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: audio/mpeg\r\n\r\nname="model"\r\n\r\n',
    'Content-Type: text/plain; charset=utf-8\r\ncontent-disposition: form-data; name=model\r\n\r\ntutor',
    'Content-Disposition: form-data; name="prompt"\r\n\r\ntutor',
  ];
  const sent = await sendForm(fields, size);
  expect(sent.status).toBe(200);
  const form = await receivedForm();
  expect(form.get('model')).toBe('llama-3.3');
  expect(form.get('prompt')).toBe('tutor');
  expect(await (form.get('file') as File).text()).toBe('name="model"\r\n\r\n');
});

test('passes a large form on while it arrives, and refuses one that is too large', async () => {
  const head = 'Content-Disposition: form-data; name="model"\r\n\r\ntutor\r\n';
  const reached = new Promise<void>((resolve) => (upstream.onRequest = resolve));
  const boundary = 'xyz';
  const part = Buffer.alloc(1_000_000, 'x');
  const pieces = (count: number, wait: Promise<void>) =>
    (async function* () {
      yield Buffer.from(`--${boundary}\r\n${head}--${boundary}\r\n`);
      yield Buffer.from('Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n');
      await wait;
      for (let index = 0; index < count; index++) yield part;
      yield Buffer.from(`\r\n--${boundary}--\r\n`);
    })();
  const send = (count: number, wait: Promise<void>) =>
    fetch(`${env.api.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${env.apiKey}`,
        'content-type': `multipart/form-data; boundary=${boundary}`,
      },
      body: ReadableStream.from(pieces(count, wait)),
      duplex: 'half',
    } as RequestInit);
  // The rest is sent only once the server has the beginning.
  expect((await send(40, reached)).status).toBe(200);
  expect(upstream.last.body.length).toBeGreaterThan(40_000_000);
  const before = upstream.received.length;
  expect(await errorOf(send(60, Promise.resolve()))).toMatchObject({
    status: 413,
    code: 'file_too_large',
  });
  expect(upstream.received.length).toBe(before);
});

test('keeps responses to the project that made them', async () => {
  const { client: own } = await newProject();
  const stored = {
    id: 'resp_abc',
    object: 'response',
    status: 'completed',
    output: [],
    usage: null,
  };
  upstream.answer = (_received, response) => sendJson(response, stored);
  const made = await own.responses.create({ model: 'tutor', input: 'Hi', store: true });
  await own.responses.create({ model: 'tutor', input: 'And?', previous_response_id: made.id });
  await own.responses.retrieve(made.id, { include: ['message.output_text.logprobs'] });
  await own.responses.inputItems.list(made.id);
  await own.responses.cancel(made.id);
  await own.responses.delete(made.id);
  expect(upstream.received.slice(-4).map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /v1/responses/resp_abc?include%5B%5D=message.output_text.logprobs',
    'GET /v1/responses/resp_abc/input_items',
    'POST /v1/responses/resp_abc/cancel',
    'DELETE /v1/responses/resp_abc',
  ]);
  const before = upstream.received.length;
  const missing = { status: 404, error: { message: "Response with id 'resp_abc' not found." } };
  await expect(client.responses.retrieve(made.id)).rejects.toMatchObject(missing);
  await expect(client.responses.delete(made.id)).rejects.toMatchObject(missing);
  const continued = { model: 'tutor', input: 'And?', previous_response_id: made.id };
  await expect(client.responses.create(continued)).rejects.toMatchObject({
    status: 400,
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  });
  expect(upstream.received.length).toBe(before);
});

test('serves what Azure clients put behind a deployment', async () => {
  const options = { endpoint: env.api.url, apiKey: env.apiKey, apiVersion: '2024-10-21' };
  const azure = new AzureOpenAI(options);
  const said = await azure.chat.completions.create({ model: 'org/plain', messages });
  expect(said.choices[0]?.message.content).toBe('Hello.');
  expect(upstream.last.url).toBe('/v1/chat/completions');
  expect(upstream.last.headers['api-key']).toBeUndefined();
  const deployed = new AzureOpenAI({ ...options, deployment: 'tutor' });
  await deployed.chat.completions.create({ model: 'gpt-4o', messages });
  expect(upstream.last.json.model).toBe('llama-3.3');
  const file = await toFile(Buffer.from('x'), 'a.mp3');
  await deployed.audio.transcriptions.create({ model: 'tutor', file });
  expect((await receivedForm()).get('model')).toBe('llama-3.3');
  const unnamed = '/openai/deployments/tutor/chat/completions?api-version=1';
  expect((await post(unnamed, JSON.stringify({ messages }))).status).toBe(200);
  expect(upstream.last.json).toEqual({ messages, model: 'llama-3.3' });
});

test('names the model that nobody serves, and lists those that somebody does', async () => {
  const unknown = {
    status: 404,
    message: "The model 'nobody' does not exist",
    type: 'invalid_request_error',
    param: 'model',
    code: 'model_not_found',
  };
  for (const path of ['chat/completions', 'embeddings', 'responses', 'images/generations']) {
    expect(await errorOf(post(`/v1/${path}`, JSON.stringify({ model: 'nobody' })))).toEqual(
      unknown,
    );
  }
  const form = ['Content-Disposition: form-data; name="model"\r\n\r\nnobody'];
  expect(await errorOf(sendForm(form))).toEqual(unknown);
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toEqual(['tutor', 'org/plain', 'away', 'embedder']);
});

test('passes a long body on as a short one, and counts it', async () => {
  const { client: own, usage } = await newProject();
  const { usage: _usage, ...silent } = HELLO;
  upstream.answer = (_received, response) => sendJson(response, silent);
  const before = upstream.received.length;
  const bodies = [200_000, 300_000].map((length) => ({
    model: 'tutor',
    messages: [{ role: 'user' as const, content: 'word 🙂 '.repeat(length / 8) }],
    metadata: { lists: JSON.stringify([[], [1]]) },
  }));
  await Promise.all(bodies.map((body) => own.chat.completions.create(body)));
  const received = upstream.received.slice(before).map(({ json }) => json as object);
  const sent = bodies.map((body) => ({ ...body, model: 'llama-3.3' }));
  expect(received).toHaveLength(2);
  expect(received).toEqual(expect.arrayContaining(sent));
  const [first] = bodies;
  const [counted] = await usage();
  const [prompt] = /(\d+)\+/.exec(counted!)!.slice(1).map(Number);
  const tokens = countTokens(first!.messages[0]!.content);
  expect(prompt).toBeGreaterThan(tokens * 2.4);
  expect(prompt).toBeLessThan(tokens * 2.6);
  const unsound = `{"model": "tutor", "x": "${'x'.repeat(200_000)}"`;
  expect(await errorOf(post('/v1/chat/completions', unsound))).toMatchObject({
    status: 400,
    message: expect.stringMatching(/JSON body/),
  });
});

test('refuses what it cannot pass on', async () => {
  const before = upstream.received.length;
  const chat = (body: string) => errorOf(post('/v1/chat/completions', body));
  expect(await chat('{')).toMatchObject({
    status: 400,
    message: expect.stringMatching(/JSON body/),
  });
  expect(await chat('[]')).toMatchObject({ status: 400 });
  expect(await chat('{}')).toMatchObject({
    status: 400,
    message: 'you must provide a model parameter',
  });
  expect(await chat('{"model": 7}')).toMatchObject({ status: 400, param: 'model' });
  expect(await chat('{"model": "a\\u0000"}')).toMatchObject({ status: 400, param: 'model' });
  const deep = `${'['.repeat(1e6)}${']'.repeat(1e6)}`;
  expect(await chat(`{"model": "tutor", "x": ${deep}}`)).toMatchObject({ status: 400 });
  const large = JSON.stringify({ model: 'tutor', x: 'x'.repeat(11_000_000) });
  expect(await chat(large)).toMatchObject({ status: 413, code: 'request_too_large' });
  expect(
    await errorOf(sendForm(['Content-Disposition: form-data; name="x"\r\n\r\ny'])),
  ).toMatchObject({
    status: 400,
    message: 'you must provide a model parameter',
  });
  const noKey = await fetch(`${env.api.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
  expect(noKey.status).toBe(401);
  expect(upstream.received.length).toBe(before);
});

test('hands on the server’s own errors, and counts none of them', async () => {
  const { client: own, usage } = await newProject();
  const error = {
    message: 'Slow down.',
    type: 'requests',
    param: null,
    code: 'rate_limit_exceeded',
  };
  upstream.answer = (_received, response) =>
    sendJson(response, { error }, 429, { 'retry-after': '7', 'retry-after-ms': '7000' });
  const limited = await own.chat.completions
    .create({ model: 'tutor', messages })
    .catch((e: unknown) => e);
  expect(limited).toBeInstanceOf(OpenAI.RateLimitError);
  expect((limited as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after')).toBe(
    '7',
  );
  expect(limited).toMatchObject({ error });
  expect(await usage()).toEqual([]);
});

test('shows of a refusal the sentence about the request, and nothing of where the server is', async () => {
  const body = JSON.stringify({ model: 'tutor', messages });
  const message = `Unsupported role at ${upstream.baseUrl}/chat of /srv/llm/app.py, key ${KEY}`;
  const error = { message, type: 'bad_role', param: 'messages[0]', code: null, stack: '/srv/llm' };
  const bodies: [number, string, object][] = [
    [
      400,
      JSON.stringify({ error, node: 'gpu-7.internal' }),
      {
        message: 'Unsupported role at *** of ***, key ***',
        type: 'bad_role',
        param: 'messages[0]',
        code: null,
      },
    ],
    [
      404,
      '<html><body><h1>nginx at 10.0.0.8</h1></body></html>',
      { message: 'nginx at ***', type: 'invalid_request_error' },
    ],
    [
      502,
      'dial tcp 10.0.0.8:8000: connection refused',
      { message: 'The model server answered 502.', type: 'server_error', code: null },
    ],
    [403, '', { message: 'The model server answered 403.' }],
    [422, 'x'.repeat(1_000_000), { message: 'x'.repeat(2_000) }],
  ];
  for (const [status, text, shown] of bodies) {
    upstream.answer = (_received, response) => {
      response.writeHead(status, { 'content-type': 'text/html', 'x-node': 'gpu-7' });
      response.end(text);
    };
    const answer = await post('/v1/chat/completions', body);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('x-node')).toBeNull();
    expect(await errorOf(answer)).toMatchObject({ status, ...shown });
  }
});

test('shows of an error inside a stream what it shows of others, and leaves every other byte', async () => {
  const body = JSON.stringify({ model: 'tutor', messages, stream: true });
  const before = `: alive\r\n\r\n${event(chunk('Héllo 😀'))}`;
  const message = `worker died at ${upstream.baseUrl} in /srv/llm/app.py`;
  const error = event({ error: { message, type: 'InternalServerError', code: 500 } });
  const after = `${event(chunk('x'.repeat(3_000_000)))}data: [DONE]`;
  const sent = Buffer.from(before + error + after);
  for (const size of [7, 1_000, 65_536]) {
    upstream.answer = async (_received, response) => {
      const headers = { 'content-type': 'text/event-stream', 'content-length': sent.length };
      response.writeHead(200, headers);
      const small = Buffer.byteLength(before + error);
      for (let at = 0; at < sent.length;) {
        const end = at < small ? at + size : sent.length;
        if (!response.write(sent.subarray(at, end))) await once(response, 'drain');
        at = end;
      }
      response.end();
    };
    const answer = await post('/v1/chat/completions', body);
    const shown = event({
      error: {
        message: 'The model server answered 500.',
        param: null,
        code: null,
        type: 'server_error',
      },
    });
    expect((await answer.text()) === before + shown + after).toBe(true);
  }
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(before + error);
  };
  const stream = await client.chat.completions.create({ model: 'tutor', messages, stream: true });
  await expect(
    (async () => {
      for await (const _ of stream);
    })(),
  ).rejects.toThrow('The model server answered 500.');
});

test('says in a sentence, without an address, that a server is away, refuses its key, or redirects', async () => {
  const body = (model: string) => JSON.stringify({ model, messages });
  const failed = { status: 502, type: 'server_error', param: null, code: 'model_server_failed' };
  expect(await errorOf(post('/v1/chat/completions', body('away')))).toEqual({
    ...failed,
    message: 'The model server cannot be reached. Please try again.',
  });
  upstream.answer = (_received, response) =>
    sendJson(response, { error: { message: `Incorrect API key provided: ${KEY}` } }, 401);
  expect(await errorOf(post('/v1/chat/completions', body('tutor')))).toEqual({
    ...failed,
    message: 'The model server does not accept the key of this server.',
  });
  upstream.answer = (_received, response) =>
    sendJson(response, {}, 307, { location: `${embeddings.baseUrl}/chat/completions` });
  const before = embeddings.received.length;
  expect(await errorOf(post('/v1/chat/completions', body('tutor')))).toEqual({
    ...failed,
    message: 'The model server answered with a redirect.',
  });
  expect(embeddings.received.length).toBe(before);
  upstream.answer = (_received, response) => response.destroy();
  expect(await errorOf(post('/v1/chat/completions', body('tutor')))).toMatchObject(failed);
});

test('breaks off an answer that its server breaks off', async () => {
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(chunk('Hel')), () => response.destroy());
  };
  const stream = await client.chat.completions.create({ model: 'tutor', messages, stream: true });
  const read = async () => {
    for await (const _chunk of stream);
  };
  await expect(read()).rejects.toThrow();
});

test('waits for a client that reads slowly', async () => {
  const size = 64 * 1024 * 1024;
  const block = Buffer.alloc(1024 * 1024, 'x');
  let written = 0;
  upstream.answer = async (_received, response) => {
    response.writeHead(200, { 'content-type': 'audio/mpeg' });
    for (; written < size; written += block.length) {
      if (!response.write(block)) await once(response, 'drain');
    }
    response.end();
  };
  const response = await post('/v1/audio/speech', JSON.stringify({ model: 'tutor' }));
  const reader = response.body!.getReader();
  await reader.read();
  const seen: number[] = [];
  await expect
    .poll(() => (seen.push(written), seen.at(-1) === seen.at(-3)), {
      interval: 200,
      timeout: 20_000,
    })
    .toBe(true);
  expect(written).toBeLessThan(size);
  let read = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    read += part.value.length;
  }
  expect(read).toBeGreaterThan(size - 2 * block.length);
});

test('serves chat completions of the demo model, which has nothing else', async () => {
  const demo = await startDemoModel({ tokensPerSecond: Infinity });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => demo.close());
  const other = stack.use(
    await Environment.start({ worker: false, config: { modelBaseUrl: demo.baseUrl } }),
  );
  const stream = await other.client.chat.completions.create({
    model: 'gpt-4o',
    messages,
    stream: true,
  });
  let said = '';
  for await (const { choices } of stream) said += choices[0]?.delta.content ?? '';
  expect(said).not.toBe('');
  await expect(other.client.embeddings.create({ model: 'm', input: 'x' })).rejects.toMatchObject({
    status: 404,
    error: { message: 'The demo model serves chat completions only, not POST /v1/embeddings.' },
  });
});
