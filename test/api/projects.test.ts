import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApiKey, listApiKeys } from '../../db/projects/api-keys.ts';
import { revokeKey } from '../../db/projects/project-keys.ts';
import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { checkRun, outputsFor, readStored, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  // The first wall alone: the conditions of the statements. test/api/tenants.test.ts also has the second one alone.
  env = await Environment.start({ superuser: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

type Ids = { a: string; t: string; m: string; r: string; s: string; ownA: string; ownT: string };

/** Every operation that names an object: method, path, body. `own…` are the caller's. */
const OPERATIONS: ((ids: Ids) => [string, string, unknown?])[] = [
  ({ a }) => ['GET', `/assistants/${a}`],
  ({ a }) => ['POST', `/assistants/${a}`, { name: 'taken over' }],
  ({ a }) => ['DELETE', `/assistants/${a}`],
  ({ a }) => ['GET', `/assistants?after=${a}`],
  ({ a }) => ['GET', `/assistants?before=${a}`],
  ({ t }) => ['GET', `/threads/${t}`],
  ({ t }) => ['POST', `/threads/${t}`, { metadata: { taken: 'over' } }],
  ({ t }) => ['DELETE', `/threads/${t}`],
  ({ t }) => ['GET', `/threads/${t}/messages`],
  ({ t }) => ['POST', `/threads/${t}/messages`, { role: 'user', content: 'Hi' }],
  ({ t, m }) => ['GET', `/threads/${t}/messages/${m}`],
  ({ t, m }) => ['POST', `/threads/${t}/messages/${m}`, { metadata: { taken: 'over' } }],
  ({ t, m }) => ['DELETE', `/threads/${t}/messages/${m}`],
  ({ ownT, m }) => ['GET', `/threads/${ownT}/messages/${m}`],
  ({ ownT, m }) => ['DELETE', `/threads/${ownT}/messages/${m}`],
  ({ ownT, m }) => ['GET', `/threads/${ownT}/messages?after=${m}`],
  ({ ownT, r }) => ['GET', `/threads/${ownT}/messages?run_id=${r}`],
  ({ t }) => ['GET', `/threads/${t}/runs`],
  ({ t, ownA }) => ['POST', `/threads/${t}/runs`, { assistant_id: ownA }],
  ({ t, ownA }) => ['POST', `/threads/${t}/runs`, { assistant_id: ownA, stream: true }],
  ({ ownT, a }) => ['POST', `/threads/${ownT}/runs`, { assistant_id: a }],
  ({ a }) => ['POST', '/threads/runs', { assistant_id: a }],
  ({ ownT, r }) => ['GET', `/threads/${ownT}/runs?after=${r}`],
  ({ t, r }) => ['GET', `/threads/${t}/runs/${r}`],
  ({ ownT, r }) => ['GET', `/threads/${ownT}/runs/${r}`],
  ({ t, r }) => ['POST', `/threads/${t}/runs/${r}`, { metadata: { taken: 'over' } }],
  ({ t, r }) => ['POST', `/threads/${t}/runs/${r}/cancel`],
  ({ ownT, r }) => ['POST', `/threads/${ownT}/runs/${r}/cancel`],
  ({ t, r }) => ['POST', `/threads/${t}/runs/${r}/submit_tool_outputs`, { tool_outputs: [] }],
  ({ t, r }) => ['GET', `/threads/${t}/runs/${r}/events`],
  ({ ownT, r }) => ['GET', `/threads/${ownT}/runs/${r}/events`],
  ({ t, r }) => ['GET', `/threads/${t}/runs/${r}/steps`],
  ({ t, r, s }) => ['GET', `/threads/${t}/runs/${r}/steps/${s}`],
];

const call = () => toolCalls([{ name: 'get_weather', arguments: {} }]);

test("answers another project's ids exactly like ids that never were", async () => {
  const { assistant, threadId } = await setUp(env, [call(), text('Sunny.')], { tools: [WEATHER] });
  const { threads } = env.client.beta;
  const run = await threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const [message] = (await threads.messages.list(threadId)).data;
  const before = await readStored(env, run);

  const key = await createApiKey(env.pool, { projectName: 'stranger', name: 'test' });
  const stranger = env.clientFor(key).beta;
  const own = {
    ownA: (await stranger.assistants.create({ model: 'm', instructions: 'x' })).id,
    ownT: (await stranger.threads.create()).id,
  };
  const foreign: Ids = {
    a: assistant.id,
    t: threadId,
    m: message!.id,
    r: run.id,
    s: before.steps[0]!.id,
    ...own,
  };
  const unknown: Ids = { ...own, a: '', t: '', m: '', r: '', s: '' };
  for (const name of ['a', 't', 'm', 'r', 's'] as const) {
    unknown[name] =
      foreign[name].slice(0, -8) + foreign[name].slice(-8).split('').reverse().join('');
  }

  const send = async ([method, path, body]: [string, string, unknown?]) => {
    const response = await env.fetch(`/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const headers = [...response.headers.keys()].filter((name) => name !== 'date').sort();
    return { status: response.status, headers, body: await response.text() };
  };
  for (const operation of OPERATIONS) {
    const answer = await send(operation(foreign));
    const name = operation(foreign).slice(0, 2).join(' ');
    let body = answer.body;
    for (const id of ['a', 't', 'm', 'r', 's'] as const) {
      body = body.replaceAll(foreign[id], unknown[id]);
    }
    expect({ ...answer, body }, name).toEqual(await send(operation(unknown)));
    if (!name.includes('run_id=')) expect([400, 404], name).toContain(answer.status);
    expect(answer.body).not.toContain('Sunny');
  }

  expect(await readStored(env, run)).toEqual(before);
  expect(await env.client.beta.assistants.retrieve(assistant.id)).toEqual(assistant);
  expect((await threads.messages.list(threadId)).data).toEqual([message]);
  await threads.runs.submitToolOutputs(run.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(run),
  });
  await checkRun(env, run);
});

test('shows a project only its own objects', async () => {
  const other = await env.otherClient();
  await env.client.beta.assistants.create({ model: 'm' });
  expect((await other.beta.assistants.list()).data).toEqual([]);
  const own = await other.beta.assistants.create({ model: 'm' });
  expect((await other.beta.assistants.list()).data).toEqual([own]);
});

test('gives all keys of a project the same objects', async () => {
  const second = env.clientFor(
    await createApiKey(env.pool, { projectName: 'test', name: 'second' }),
  );
  const assistant = await env.client.beta.assistants.create({ model: 'm' });
  expect(await second.beta.assistants.retrieve(assistant.id)).toEqual(assistant);
});

test('refuses a revoked key, soon also where it was in use', async () => {
  const keys = await Promise.all(
    ['fresh', 'used'].map((name) => createApiKey(env.pool, { projectName: 'revoked', name })),
  );
  const [fresh, used] = keys.map((key) => env.clientFor(key));
  await used!.models.list();
  for (const { id, project } of await listApiKeys(env.pool)) {
    if (project === 'revoked') await revokeKey(env.pool, id);
  }
  const statusOf = (client: typeof used) =>
    client!.models.list().then(
      () => 200,
      (error: { status: number }) => error.status,
    );
  expect(await statusOf(fresh)).toBe(401);
  await expect.poll(() => statusOf(used)).toBe(401);
});
