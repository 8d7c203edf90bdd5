/**
 * Every operation that takes an id, with another project's id and with one that never was in each place of an id: the answers
 * are the same to the letter. So they are with row-level security alone, without the conditions on the project.
 */
import { randomUUID } from 'node:crypto';

import pg from 'pg';
import { afterAll, expect, onTestFinished, test } from 'vitest';

import type { Operation } from '../../api/operation.ts';
import { idNames } from '../../api/operation.ts';
import { OPERATIONS } from '../../api/operations/index.ts';
import type { EnvironmentOptions } from '../support/environment.ts';
import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';

const KINDS = [
  'assistant',
  'thread',
  'message',
  'run',
  'step',
  'vector_store',
  'file',
  'input',
  'batch',
  'upload',
  'part',
  'schedule',
  'webhook_endpoint',
  'delivery',
] as const;
type Kind = (typeof KINDS)[number];
type Ids = Record<Kind, string>;

/** What a body names by id, in place of the words in braces. */
const BODIES: Record<string, object[]> = {
  createAssistant: [resources('{file}', '{vector_store}')],
  modifyAssistant: [{ name: 'taken over' }, resources('{file}', '{vector_store}')],
  createThread: [resources('{file}', '{vector_store}'), { messages: [message('{file}')] }],
  modifyThread: [{ metadata: { taken: 'over' } }, resources('{file}', '{vector_store}')],
  createMessage: [
    message('{file}'),
    { role: 'user', content: [{ type: 'image_file', image_file: { file_id: '{file}' } }] },
  ],
  createRun: [{ assistant_id: '{assistant}' }, { assistant_id: '{assistant}', stream: true }],
  createThreadAndRun: [{ assistant_id: '{assistant}' }],
  submitToolOuputsToRun: [{ tool_outputs: [] }],
  createVectorStore: [{ file_ids: ['{file}'] }],
  searchVectorStore: [{ query: 'Sunny' }],
  createVectorStoreFile: [{ file_id: '{file}' }],
  updateVectorStoreFileAttributes: [{ attributes: { taken: 'over' } }],
  createVectorStoreFileBatch: [{ file_ids: ['{file}'] }],
  completeUpload: [{ part_ids: ['{part}'] }],
  createBatch: [batchOf('{input}')],
  createSchedule: [{ cron: '0 2 * * *', template: batchOf('{input}') }],
  modifySchedule: [{ paused: true }],
  modifyWebhookEndpoint: [{ name: 'taken over' }],
  testWebhookEndpoint: [{ event_type: 'file.deleted' }],
};

function batchOf(input_file_id: string) {
  return { input_file_id, endpoint: '/v1/threads/runs', completion_window: '24h' } as const;
}

function message(file: string): object {
  return {
    role: 'user',
    content: 'Hi',
    attachments: [{ file_id: file, tools: [{ type: 'file_search' }] }],
  };
}

function resources(file: string, store: string): object {
  const tools = [{ type: 'file_search' }, { type: 'code_interpreter' }];
  const tool_resources = {
    file_search: { vector_store_ids: [store] },
    code_interpreter: { file_ids: [file] },
  };
  return { model: 'm', tools, tool_resources };
}

/** The kind of the objects of a list, which `after` and `before` name. */
const LISTED: Record<string, Kind> = {
  listAssistants: 'assistant',
  listMessages: 'message',
  listRuns: 'run',
  listRunSteps: 'step',
  listVectorStores: 'vector_store',
  listVectorStoreFiles: 'file',
  listFilesInVectorStoreBatch: 'file',
  listFiles: 'file',
};

type Request = { operation: Operation; path: string; body: object | undefined };

/** Requests of an operation with names in the places of ids. */
function requestsOf(operation: Operation): Request[] {
  const path = operation.path.replaceAll(/_id\}/g, '}');
  const bodies = BODIES[operation.id] ?? [operation.method === 'post' ? {} : undefined];
  const cursor = LISTED[operation.id];
  const queries = cursor === undefined ? [''] : ['', `?after={${cursor}}`, `?before={${cursor}}`];
  if (operation.id === 'listMessages') queries.push('?run_id={run}');
  return bodies.flatMap((body) =>
    queries.map((query) => ({ operation, path: path + query, body })),
  );
}

const namesIn = ({ path, body }: Request): Kind[] =>
  KINDS.filter((kind) => (path + JSON.stringify(body ?? {})).includes(`{${kind}}`));

/** Of the API's objects: administrators name projects, and models are everybody's. */
const REQUESTS = OPERATIONS.filter(
  ({ path, scope }) => scope !== 'admin' && !path.includes('{model}'),
)
  .flatMap(requestsOf)
  .filter((request) => namesIn(request).length > 0);

/** An object of each kind. */
async function fill(env: Environment, client = env.client): Promise<Ids> {
  const model = `m-${randomUUID()}`;
  env.model.script(model, text('Sunny.'));
  const { assistants, threads } = client.beta;
  const assistant = await assistants.create({ model, instructions: 'Be kind.' });
  const { id: threadId } = await threads.create({ messages: [{ role: 'user', content: 'Hi' }] });
  const run = await threads.runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const file = await client.files.create({
    file: new File(['Sunny days.'], 'a.txt'),
    purpose: 'assistants',
  });
  const store = await client.vectorStores.create({});
  const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, {
    file_ids: [file.id],
  });
  const upload = await client.uploads.create({
    bytes: 1,
    filename: 'a.txt',
    mime_type: 'text/plain',
    purpose: 'assistants',
  });
  const input = await client.files.create({
    file: new File(['{}'], 'input.jsonl'),
    purpose: 'batch',
  });
  const schedule = await client.post<{ id: string }>('/threadmill/schedules', {
    body: { cron: '0 2 * * *', template: batchOf(input.id), paused: true },
  });
  const endpoint = await client.webhooks.create({
    name: 'hooks',
    url: 'https://hooks.invalid/',
    event_types: ['file.processed' as 'batch.completed'],
  });
  await client.files.create({ file: new File(['a'], 'c.txt'), purpose: 'assistants' });
  const dead = await env.pool.query<{ id: string }>(
    `update webhook_deliveries set status = 'dead' where endpoint_id = $1 returning id`,
    [endpoint.id],
  );
  const part = await client.uploads.parts.create(upload.id, { data: new File(['a'], 'part') });
  return {
    assistant: assistant.id,
    thread: threadId,
    message: (await threads.messages.list(threadId)).data[0]!.id,
    run: run.id,
    step: (await threads.runs.steps.list(run.id, { thread_id: threadId })).data[0]!.id,
    vector_store: store.id,
    file: file.id,
    batch: batch.id,
    upload: upload.id,
    part: part.id,
    schedule: schedule.id,
    webhook_endpoint: endpoint.id,
    delivery: dead.rows[0]!.id,
    input: input.id,
  };
}

const neverWas = (id: string) => id.slice(0, -8) + id.slice(-8).split('').reverse().join('');

type Outcome = { sent: number; leaks: string[]; before: string[]; after: string[] };

/** Requests that another project's id answers in another way than an unknown id, and what the other project has. */
async function attack(options: EnvironmentOptions): Promise<Outcome> {
  const env = await Environment.start(options);
  onTestFinished(() => env[Symbol.asyncDispose]());
  const victim = await fill(env);
  const before = await stateOf(env, victim);
  const stranger = await env.otherClient();
  const own = await fill(env, stranger);
  const leaks: string[] = [];
  let sent = 0;
  for (const request of REQUESTS) {
    for (const places of placesOf(request)) {
      const send = (choose: (id: string) => string) => {
        const theirs = places.map((kind) => [kind, choose(victim[kind])]);
        return answerOf(env, stranger.apiKey!, request, { ...own, ...Object.fromEntries(theirs) });
      };
      let foreign = await send((id) => id);
      const unknown = await send(neverWas);
      for (const kind of KINDS) foreign = foreign.replaceAll(victim[kind], neverWas(victim[kind]));
      sent += 1;
      const name = `${request.operation.id} ${request.path} [${places.join()}]`;
      if (foreign !== unknown) leaks.push(`${name}: ${foreign} instead of ${unknown}`);
    }
  }
  return { sent, leaks, before, after: await stateOf(env, victim) };
}

/** Each place of an id alone, then all of them. */
function placesOf(request: Request): Kind[][] {
  const names = namesIn(request);
  return [...names.map((name) => [name]), ...(names.length > 1 ? [names] : [])];
}

/** What the objects' own project reads, also of those that are gone. */
function stateOf({ client }: Environment, ids: Ids): Promise<string[]> {
  const paths = [
    '/assistants',
    '/batches',
    '/threadmill/schedules',
    '/webhook_endpoints',
    '/threadmill/webhook_deliveries',
    `/threads/${ids.thread}`,
    `/threads/${ids.thread}/messages`,
    `/threads/${ids.thread}/runs`,
    `/threads/${ids.thread}/runs/${ids.run}/steps`,
    '/files',
    '/vector_stores',
    `/vector_stores/${ids.vector_store}/files`,
    `/vector_stores/${ids.vector_store}/file_batches/${ids.batch}`,
  ];
  const read = async (path: string) => (await client.get(path).asResponse()).text();
  return Promise.all(paths.map((path) => read(path).catch(String)));
}

async function answerOf(
  env: Environment,
  key: string,
  { operation, path, body }: Request,
  ids: Ids,
): Promise<string> {
  const fill = (template: string) =>
    template.replaceAll(/\{(\w+)\}/g, (name, kind: Kind) => ids[kind] ?? name);
  const headers: Record<string, string> = { authorization: `Bearer ${key}` };
  let content: RequestInit['body'] | undefined = body && fill(JSON.stringify(body));
  if (operation.form !== undefined) {
    const form = new FormData();
    form.set(operation.form.field, new File(['a'], 'a'));
    content = form;
  } else headers['content-type'] = 'application/json';
  const response = await fetch(`${env.api.url}/v1${fill(path)}`, {
    method: operation.method.toUpperCase(),
    headers,
    ...(content === undefined ? {} : { body: content }),
    signal: AbortSignal.timeout(20_000),
  });
  // What an accepted request creates has a new id and the time of its creation.
  const text = (await response.text()).replaceAll(/"(id|created_at)":("[^"]*"|\d+)/g, '"$1":');
  return `${response.status} ${text}`;
}

const CONDITION = /(?:\b\w+\.)?\bproject_id = (?:\$(\d+)|\w+\.project_id)/g;
const changed = new Set<string>();

/** Every statement of this process goes without its conditions on the project. The parameters keep their types. */
function removeConditions(): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
  const original = pg.Client.prototype.query;
  const query = function (this: pg.Client, ...args: unknown[]): unknown {
    const [statement] = args as [{ name?: string; text?: string } | string];
    if (typeof statement === 'object' && statement.text !== undefined) {
      const without = statement.text.replaceAll(CONDITION, (_, parameter?: string) =>
        parameter === undefined ? 'true' : `$${parameter}::text is not null`,
      );
      if (without !== statement.text) changed.add(statement.name ?? without);
      statement.text = without;
    }
    return Reflect.apply(original, this, args);
  };
  const replace = (value: unknown) =>
    Object.defineProperty(pg.Client.prototype, 'query', {
      value,
      configurable: true,
      writable: true,
    });
  replace(query);
  onTestFinished(() => void replace(original));
}

afterAll(() => expect(changed.size).toBeGreaterThan(40));

test('covers every operation with an id in its path or body', () => {
  const covered = new Set(REQUESTS.map(({ operation }) => operation.id));
  const named = OPERATIONS.filter(
    ({ path, scope }) => scope !== 'admin' && idNames(path).some((name) => name !== 'model'),
  );
  expect(named.map(({ id }) => id).filter((id) => !covered.has(id))).toEqual([]);
  expect(REQUESTS.length).toBeGreaterThan(60);
});

test("another project's ids are answered like ids that never were", async () => {
  const { sent, leaks, before, after } = await attack({});
  expect(leaks).toEqual([]);
  expect(after).toEqual(before);
  expect(sent).toBeGreaterThan(90);
}, 300_000);

test('row-level security alone keeps projects apart', async () => {
  removeConditions();
  const { leaks, before, after } = await attack({});
  expect(leaks).toEqual([]);
  expect(after).toEqual(before);
}, 300_000);

test('without either wall the same requests leak', async () => {
  removeConditions();
  const { leaks } = await attack({ superuser: true });
  expect(leaks.length).toBeGreaterThan(20);
}, 300_000);
