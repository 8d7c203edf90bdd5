import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test('asks for a key, and does not repeat a wrong one', async () => {
  const key = 'sk-this-is-a-secret-nobody-should-see-1234';
  const send = async (headers: Record<string, string>) => {
    const response = await fetch(`${env.api.url}/v1/assistants`, { headers });
    return { status: response.status, text: await response.text() };
  };
  const none = await send({});
  expect(none.status).toBe(401);
  expect(JSON.parse(none.text)).toMatchObject({
    error: {
      message: expect.stringMatching(/^You didn't provide an API key\./),
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
  });
  const wrong = await send({ authorization: `Bearer ${key}` });
  expect(wrong.status).toBe(401);
  expect(wrong.text).not.toContain(key);
  expect(JSON.parse(wrong.text)).toMatchObject({
    error: {
      message: expect.stringMatching(/^Incorrect API key provided: sk-\*\*\*1234\./),
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_api_key',
    },
  });
  expect((await send({ authorization: env.apiKey })).status).toBe(401);
  expect((await send({ authorization: `Basic ${env.apiKey}` })).status).toBe(401);
  expect((await send({ authorization: `bearer ${env.apiKey}` })).status).toBe(200);
  expect((await send({ 'api-key': env.apiKey })).status).toBe(200);
});

test('asks for a key before it reads a body', async () => {
  const response = await fetch(`${env.api.url}/v1/threads`, { method: 'POST', body: '{' });
  expect(response.status).toBe(401);
});

test('reaches clients as the errors they know, with the id of the request', async () => {
  const { assistants, threads } = env.client.beta;
  const assistant = await assistants.create({ model: 'm', instructions: 'Be kind.' });
  const run = await threads.createAndRun({ assistant_id: assistant.id });
  await expect(assistants.retrieve('asst_x')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  const refused = await threads.runs
    .create(run.thread_id, { assistant_id: assistant.id })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(OpenAI.BadRequestError);
  expect(refused).toMatchObject({ requestID: expect.stringMatching(/^req_/) });
  await expect(env.clientFor('sk-wrong').models.list()).rejects.toBeInstanceOf(
    OpenAI.AuthenticationError,
  );
  const thread = await threads.create();
  expect((thread as { _request_id?: string })._request_id).toMatch(/^req_/);
});

test('sends the standard headers with every answer', async () => {
  const ids = new Set<string | null>();
  for (const path of ['/v1/assistants', '/v1/assistants/asst_x', '/v1/nothing', '/healthz']) {
    const { headers } = await env.fetch(path);
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{24}$/);
    expect(headers.get('openai-version')).toBe('2020-10-01');
    expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/);
    expect(headers.get('x-powered-by')).toBeNull();
    expect([...headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
    ids.add(headers.get('x-request-id'));
  }
  expect(ids.size).toBe(4);
});

test('needs no beta header, and refuses the one of version 1', async () => {
  const send = (beta?: string) =>
    env.fetch('/v1/assistants', beta === undefined ? {} : { headers: { 'openai-beta': beta } });
  expect((await send()).status).toBe(200);
  expect((await send('assistants=v2')).status).toBe(200);
  expect((await send('realtime=v1, assistants=v2')).status).toBe(200);
  expect((await send('realtime=v1')).status).toBe(200);
  const refused = await send('assistants=v1');
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    error: {
      message: expect.stringContaining("the 'OpenAI-Beta' header says 'assistants=v1'"),
      code: 'invalid_beta',
    },
  });
});

test('tells the poll helpers how long to wait, as long as there is something to wait for', async () => {
  const assistant = await env.client.beta.assistants.create({ model: 'm', instructions: 'x' });
  const { threads } = env.client.beta;
  const created = await threads.createAndRun({ assistant_id: assistant.id }).withResponse();
  expect(created.response.headers.get('openai-poll-after-ms')).toBe('20');
  const { id, thread_id } = created.data;
  const pollAfter = async () => {
    const { response } = await threads.runs.retrieve(id, { thread_id }).withResponse();
    return response.headers.get('openai-poll-after-ms');
  };
  expect(await pollAfter()).toBe('20');
  await env.pool.query('update runs set expires_at = unix_now() - 60 where id = $1', [id]);
  expect(await pollAfter()).toBeNull();
});
