import { afterEach, expect, test } from 'vitest';

import { startApi } from '../../api/server.ts';
import { Environment } from '../support/environment.ts';
import type { EnvironmentOptions } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { checkRun, CODE, readLog, setUp } from '../support/runs.ts';

let env: Environment;
async function start(options: EnvironmentOptions): Promise<void> {
  env = await Environment.start(options);
}
afterEach(async () => {
  await env[Symbol.asyncDispose]();
});

test('fails a run when no model server is configured for its model', async () => {
  await start({ config: { modelBaseUrl: undefined } });
  const { assistant, threadId, model } = await setUp(env, []);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run).toMatchObject({
    status: 'failed',
    last_error: {
      code: 'server_error',
      message: `No model server is configured for '${model}'.`,
    },
  });
  await checkRun(env, run);
});

test('fails a run whose code cannot run here, and says what to install', async () => {
  await start({ config: { sandbox: 'bubblewrap', sandboxPython: '/usr/bin/no-such-python' } });
  const call = toolCalls([{ name: 'code_interpreter', arguments: { code: '1 + 1' } }]);
  const { assistant, threadId } = await setUp(env, [call], { tools: [CODE] });
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run).toMatchObject({
    status: 'failed',
    last_error: { code: 'server_error', message: expect.stringContaining('apt-get install') },
  });
  const { steps } = await checkRun(env, run);
  expect(steps).toMatchObject([{ status: 'failed', last_error: run.last_error }]);
});

test("lists the configured models before the model server's own, and shows one", async () => {
  await start({
    worker: false,
    config: {
      models: [
        { id: 'local/llama:8b', upstream_model: 'llama' },
        { id: 'shared', context_window: 4_096 },
      ],
    },
  });
  env.model.script('upstream', text(''));
  env.model.script('shared', text(''));
  const { data } = await env.client.models.list();
  expect(data.map(({ id }) => id)).toEqual(['local/llama:8b', 'shared', 'upstream']);
  for (const model of data) {
    expect(model).toEqual({
      id: model.id,
      object: 'model',
      created: expect.any(Number),
      owned_by: expect.any(String),
    });
    expect(await env.client.models.retrieve(model.id)).toEqual(model);
  }
  const raw = await env.fetch('/v1/models');
  expect(Object.keys((await raw.json()) as object)).toEqual(['object', 'data']);
  await expect(env.client.models.retrieve('nope')).rejects.toMatchObject({
    status: 404,
    error: { message: "The model 'nope' does not exist", code: 'model_not_found' },
  });
  await expect(env.client.models.delete('shared')).rejects.toMatchObject({
    status: 403,
    error: { message: "The model 'shared' is configured on this server and cannot be deleted." },
  });
});

test('asks the model server for a model by the name it has there', async () => {
  await start({ config: { models: [{ id: 'alias', upstream_model: 'real-name' }] } });
  env.model.script('real-name', text('Hello.'));
  const assistant = await env.client.beta.assistants.create({ model: 'alias', instructions: 'x' });
  const run = await env.client.beta.threads.createAndRunPoll({ assistant_id: assistant.id });
  expect(run).toMatchObject({ status: 'completed', model: 'alias' });
  expect(env.model.requests().map(({ model }) => model)).toEqual(['real-name']);
});

test('insists on the beta header where it is told to', async () => {
  await start({ worker: false, config: { requireBetaHeader: true } });
  const refused = {
    error: {
      message:
        "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header " +
        "'OpenAI-Beta: assistants=v2'.",
      type: 'invalid_request_error',
      param: null,
      code: 'invalid_beta',
    },
  };
  for (const path of ['/v1/assistants', '/v1/threads/thread_x', '/v1/threads/thread_x/runs']) {
    const response = await env.fetch(path);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual(refused);
  }
  expect((await env.fetch('/v1/models')).status).toBe(200);
  const assistant = await env.client.beta.assistants.create({ model: 'm' });
  expect(await env.client.beta.assistants.retrieve(assistant.id)).toEqual(assistant);
});

test('says without a key whether it lives and whether its parts answer', async () => {
  await start({ worker: false });
  const alive = await fetch(`${env.api.url}/healthz`);
  expect([alive.status, await alive.json()]).toEqual([200, { status: 'ok' }]);
  const ready = await fetch(`${env.api.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({
    status: 'ready',
    parts: {
      database: 'ok',
      temporal: 'ok',
      semantic_search: 'off: no embeddings endpoint',
    },
  });
});

test('is not ready while Temporal is away, but takes runs, which start once it is back', async () => {
  await start({});
  const { assistant, threadId } = await setUp(env, [text('Late.')]);
  const { config, databaseUrl, log } = env;
  const lonely = await startApi({
    config,
    databaseUrl,
    listenUrl: databaseUrl,
    temporalAddress: '127.0.0.1:1',
    log,
  });
  try {
    const ready = await fetch(`${lonely.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      status: 'not ready',
      parts: { database: 'ok', temporal: 'unreachable' },
    });
    const response = await fetch(`${lonely.url}/v1/threads/${threadId}/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${env.apiKey}` },
      body: JSON.stringify({ assistant_id: assistant.id }),
    });
    expect(response.status).toBe(200);
    const run = (await response.json()) as { id: string; thread_id: string };
    expect((await readLog(env, run)).at(-1)?.event).toBe('thread.run.completed');
  } finally {
    await lonely.close();
  }
});
