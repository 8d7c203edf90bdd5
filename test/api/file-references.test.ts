import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';

let env: Environment;
let assistantId: string;
let threadId: string;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  const { assistants, threads } = env.client.beta;
  assistantId = (await assistants.create({ model: 'm', instructions: 'x' })).id;
  threadId = (await threads.create()).id;
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const resources = (file_id: string) => ({ code_interpreter: { file_ids: [file_id] } });
const attached = (file_id: string) => ({
  role: 'user',
  content: 'Look.',
  attachments: [{ file_id, tools: [{ type: 'code_interpreter' }] }],
});
const pictured = (file_id: string) => ({
  role: 'user',
  content: [{ type: 'image_file', image_file: { file_id } }],
});

/** Every place where a request can name a file: the path and the body. */
const PLACES: [string, (id: string) => [path: string, body: object]][] = [
  ['a new assistant', (id) => ['/assistants', { model: 'm', tool_resources: resources(id) }]],
  [
    'a changed assistant',
    (id) => [`/assistants/${assistantId}`, { tool_resources: resources(id) }],
  ],
  ['a new thread', (id) => ['/threads', { tool_resources: resources(id) }]],
  ['the messages of a new thread', (id) => ['/threads', { messages: [attached(id)] }]],
  ['a changed thread', (id) => [`/threads/${threadId}`, { tool_resources: resources(id) }]],
  ['an attachment', (id) => [`/threads/${threadId}/messages`, attached(id)]],
  ['a picture', (id) => [`/threads/${threadId}/messages`, pictured(id)]],
  [
    'the messages added by a run',
    (id) => [
      `/threads/${threadId}/runs`,
      { assistant_id: assistantId, additional_messages: [pictured(id)] },
    ],
  ],
  [
    'the thread of a run',
    (id) => ['/threads/runs', { assistant_id: assistantId, thread: { messages: [attached(id)] } }],
  ],
  [
    'the resources of a run',
    (id) => ['/threads/runs', { assistant_id: assistantId, tool_resources: resources(id) }],
  ],
];

async function post([path, body]: [string, object]) {
  const response = await env.fetch(`/v1${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function counts(): Promise<unknown> {
  const { rows } = await env.pool.query(
    `select (select count(*) from assistants) as assistants, (select count(*) from threads) as threads,
       (select count(*) from messages) as messages, (select count(*) from runs) as runs`,
  );
  return rows[0];
}

test.for(PLACES)('%s can name only files that are there', async ([, place]) => {
  const other = await createFile(await env.otherClient());
  const deleted = await createFile(env.client);
  await env.client.files.delete(deleted);
  const expired = await createFile(env.client);
  await env.pool.query('update files set expires_at = unix_now() where id = $1', [expired]);
  const before = await counts();
  for (const id of ['file-unknown', other, deleted, expired]) {
    expect(await post(place(id))).toEqual({
      status: 404,
      body: {
        error: {
          message: `No such File object: ${id}`,
          type: 'invalid_request_error',
          param: 'id',
          code: null,
        },
      },
    });
  }
  expect(await counts()).toEqual(before);
  const accepted = await post(place(await createFile(env.client)));
  expect(accepted).toMatchObject({ status: 200 });
  if (accepted.body['object'] === 'thread.run') {
    const { id, thread_id } = accepted.body as { id: string; thread_id: string };
    await env.client.beta.threads.runs.cancel(id, { thread_id });
    await env.pool.query(`update runs set status = 'cancelled' where id = $1`, [id]);
  }
});

test('names a file that was deleted for as long as its referrers live', async () => {
  const { assistants, threads } = env.client.beta;
  const id = await createFile(env.client);
  const tools = [{ type: 'code_interpreter' as const }];
  const assistant = await assistants.create({ model: 'm', tools, tool_resources: resources(id) });
  const thread = await threads.create({ tool_resources: resources(id) });
  const message = await threads.messages.create(thread.id, {
    role: 'user',
    content: 'Look.',
    attachments: [{ file_id: id, tools }],
  });
  await env.client.files.delete(id);
  expect(await assistants.retrieve(assistant.id)).toEqual(assistant);
  expect(await threads.retrieve(thread.id)).toEqual(thread);
  expect(await threads.messages.retrieve(message.id, { thread_id: thread.id })).toEqual(message);
  expect(await assistants.update(assistant.id, { name: 'Renamed' })).toEqual({
    ...assistant,
    name: 'Renamed',
  });
  expect(await threads.update(thread.id, { metadata: { k: 'v' } })).toMatchObject({
    tool_resources: resources(id),
  });
});
