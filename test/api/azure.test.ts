/** The official AzureOpenAI client, with an endpoint and a key as its only settings. */
import { AzureOpenAI, toFile } from 'openai';
import type { AzureClientOptions } from 'openai/azure';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { OPERATIONS } from '../../api/operations/index.ts';
import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { checkRun, eventsOf, WEATHER } from '../support/runs.ts';

let env: Environment;
let azure: AzureOpenAI;
beforeAll(async () => {
  env = await Environment.start();
  azure = azureClient();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

function azureClient(options: AzureClientOptions = {}): AzureOpenAI {
  const place = options.baseURL === undefined ? { endpoint: env.api.url } : {};
  const key = options.azureADTokenProvider === undefined ? { apiKey: env.apiKey } : {};
  const apiVersion = '2024-05-01-preview';
  return new AzureOpenAI({ ...place, ...key, apiVersion, maxRetries: 0, ...options });
}

test('creates, lists, modifies and deletes assistants, threads and messages', async () => {
  const { assistants, threads } = azure.beta;
  const first = await assistants.create({ model: 'm', name: 'One' });
  const second = await assistants.create({ model: 'm', name: 'Two' });
  const names: (string | null)[] = [];
  for await (const { name } of assistants.list({ limit: 1 })) names.push(name);
  expect(names).toEqual(['Two', 'One']);
  expect(await assistants.update(first.id, { name: 'Uno' })).toMatchObject({ name: 'Uno' });
  expect(await assistants.delete(second.id)).toMatchObject({ deleted: true });
  const thread = await threads.create();
  const message = await threads.messages.create(thread.id, { role: 'user', content: 'Hi' });
  expect((await threads.messages.list(thread.id)).data).toEqual([message]);
  expect(await threads.delete(thread.id)).toMatchObject({ deleted: true });
  const missing = threads.retrieve(thread.id);
  await expect(missing).rejects.toMatchObject({
    status: 404,
    error: { message: `No thread found with id '${thread.id}'.` },
  });
});

test('streams a run, answers its function call with another stream, and polls one', async () => {
  env.model.script(
    'my-deployment',
    toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' } }]),
    text('Sunny.'),
    text('Again.'),
  );
  const { assistants, threads } = azure.beta;
  const { id: assistant_id } = await assistants.create({
    model: 'my-deployment',
    tools: [WEATHER],
  });
  const thread = await threads.create({ messages: [{ role: 'user', content: 'Weather?' }] });
  const paused = threads.runs.stream(thread.id, { assistant_id });
  const before = await eventsOf(paused);
  const run = await paused.finalRun();
  const [call] = run.required_action!.submit_tool_outputs.tool_calls;
  const resumed = threads.runs.submitToolOutputsStream(run.id, {
    thread_id: thread.id,
    tool_outputs: [{ tool_call_id: call!.id, output: '20°' }],
  });
  const after = await eventsOf(resumed);
  await checkRun(env, run, [before, after]);
  expect((await resumed.finalMessages())[0]?.content).toMatchObject([
    { text: { value: 'Sunny.' } },
  ]);
  const polled = await threads.runs.createAndPoll(thread.id, { assistant_id });
  expect(polled.status).toBe('completed');
  const steps = await threads.runs.steps.list(polled.id, { thread_id: thread.id });
  expect(steps.data.map(({ type }) => type)).toEqual(['message_creation']);
});

test('uploads files, in one piece and in parts, and searches them in a vector store', async () => {
  const file = await azure.files.create({
    file: await toFile(Buffer.from('Otters eat fish.'), 'otters.txt'),
    purpose: 'user_data',
  });
  expect(await (await azure.files.content(file.id)).text()).toBe('Otters eat fish.');
  const bytes = Buffer.from('Moles dig.');
  const fields = { filename: 'moles.txt', mime_type: 'text/plain', purpose: 'assistants' } as const;
  const upload = await azure.uploads.create({ ...fields, bytes: bytes.length });
  const part = await azure.uploads.parts.create(upload.id, { data: await toFile(bytes, 'part') });
  const whole = await azure.uploads.complete(upload.id, { part_ids: [part.id] });
  const store = await azure.vectorStores.create({ name: 'animals' });
  const batch = await azure.vectorStores.fileBatches.createAndPoll(store.id, {
    file_ids: [file.id, whole.file!.id],
  });
  expect(batch.file_counts).toMatchObject({ completed: 2, total: 2 });
  const found = await azure.vectorStores.search(store.id, { query: 'fish' });
  expect(found.data[0]?.filename).toBe('otters.txt');
  expect(await azure.files.delete(file.id)).toMatchObject({ deleted: true });
});

test('serves the versioned paths, a base URL with a deployment, and a token as the key', async () => {
  const { id } = await azure.beta.assistants.create({ model: 'm' });
  const clients = [
    azureClient({ baseURL: `${env.api.url}/openai/v1` }),
    azureClient({ baseURL: `${env.api.url}/openai/deployments/org%2Fmodel` }),
    azureClient({ baseURL: `${env.api.url}/openai/deployments/org/model` }),
    azureClient({ azureADTokenProvider: () => Promise.resolve(env.apiKey) }),
  ];
  for (const client of clients) {
    expect(await client.beta.assistants.retrieve(id)).toMatchObject({ id });
    expect((await client.models.list()).data).toBeInstanceOf(Array);
  }
});

test.concurrent.for(OPERATIONS)('answers $id below each prefix as below /v1', async (operation) => {
  const path = operation.path.replaceAll(/\{\w+\}/g, 'x');
  const method = operation.method.toUpperCase();
  // Refused wherever the method is not GET: no operation has this field.
  const init = method === 'POST' ? { method, body: '{"bogus":1}' } : { method };
  const answerOf = async (prefix: string) => {
    const answer = await env.fetch(prefix + path, init);
    return [answer.status, await answer.text()];
  };
  const expected = await answerOf('/v1');
  for (const prefix of ['/openai', '/openai/v1', '/openai/deployments/a/b']) {
    expect(await answerOf(prefix)).toEqual(expected);
  }
});

test('refuses a wrong key and an unknown path as everywhere', async () => {
  const wrong = azureClient({ apiKey: 'sk-wrong' }).beta.assistants.list();
  await expect(wrong).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  for (const path of ['/openai/nothing', '/openai/deployments/m/nothing', '/openai']) {
    expect((await env.fetch(`${path}?api-version=1`)).status, path).toBe(404);
  }
  expect((await env.fetch('/openai/deployments/%zz/models')).status).toBe(400);
});
