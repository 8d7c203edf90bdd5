/** Fills a fresh installation with everything that a later version has to go on with. */
import { setTimeout as pause } from 'node:timers/promises';

import type OpenAI from 'openai';
import { toFile } from 'openai';

import type { PlannedTurn } from '../chaos/model/plan.ts';
import { planMessage } from '../chaos/model/plan.ts';
import type { Recorded } from './release.ts';

type Filled = Omit<Recorded, 'version' | 'made_at' | 'answers' | 'other'>;
type Objects = { paths: string[] };

/** In a run's metadata: its deadline is the year 2100, so that the fixture does not age (make-release.ts). */
const FAR = { deadline: 'far' };
/** Longer than a stop waits for it. */
const SLOW: PlannedTurn = { words: 5, firstMs: 0, paceMs: 8_000 };
/** From its creation until after the stop. */
const OVERDUE_SECONDS = 100;

const LOOKUP = {
  type: 'function',
  function: { name: 'lookup', parameters: { type: 'object' } },
} as const;

export function turn(words: number, calls?: PlannedTurn['calls']): PlannedTurn {
  return { words, firstMs: 0, paceMs: 0, ...(calls !== undefined && { calls }) };
}

export function cell(code: string): PlannedTurn {
  return turn(0, [{ name: 'code_interpreter', arguments: { code } }]);
}

export async function fill(client: OpenAI, { paths }: Objects): Promise<Filled> {
  const assistant = await client.beta.assistants.create({
    model: 'chaos',
    name: 'Harbour master',
    instructions: 'Answer briefly.',
    tools: [{ type: 'code_interpreter' }, { type: 'file_search' }, LOOKUP],
    metadata: { made: 'by a release' },
  });
  paths.push('/assistants', `/assistants/${assistant.id}`);
  const make: Make = { client, assistant: assistant.id, paths };
  const file = await fillFile(make);
  const search = await fillStore(make, file);
  const completed = await completedRun(make, search.store);
  const code = await codeThread(make);
  const keyed = await keyedRequests(make, completed.thread);
  const upload = await pendingUpload(client);
  const parked = await parkedRun(make);
  const overdue = await waitingRun(make, 'overdue', { expires_after: OVERDUE_SECONDS });
  const under_way = await runUnderWay(make);
  return { completed, parked, overdue, under_way, code, search, upload, keyed };
}

type Make = { client: OpenAI; assistant: string } & Objects;
type Body = OpenAI.Beta.Threads.RunCreateParamsNonStreaming;

async function startRun(make: Make, label: string, turns: PlannedTurn[], fields: object = {}) {
  const { client, assistant, paths } = make;
  const thread = await client.beta.threads.create({
    messages: [{ role: 'user', content: planMessage({ run: label, turns }) }],
    metadata: { label },
  });
  const body: Body = { assistant_id: assistant, metadata: FAR, ...fields };
  const run = await client.beta.threads.runs.create(thread.id, body);
  paths.push(`/threads/${thread.id}`);
  return { thread: thread.id, run: run.id };
}

/** Its run, its steps and its thread's messages will be read. */
function remember({ paths }: Make, { thread, run }: { thread: string; run: string }): void {
  const path = `/threads/${thread}/runs/${run}`;
  paths.push(path, `${path}/steps`, `/threads/${thread}/messages`);
}

async function reaches(make: Make, of: { thread: string; run: string }, status: string) {
  for (;;) {
    const run = await make.client.beta.threads.runs.retrieve(of.run, { thread_id: of.thread });
    if (run.status === status) return run;
    if (!['queued', 'in_progress'].includes(run.status)) throw new Error(JSON.stringify(run));
    await pause(50);
  }
}

async function completedRun(make: Make, store: string) {
  const search = { name: 'file_search', arguments: { queries: ['Which ship came in at noon?'] } };
  const turns = [turn(0, [search]), turn(12)];
  const { client, assistant, paths } = make;
  const thread = await client.beta.threads.create({
    messages: [{ role: 'user', content: planMessage({ run: 'completed', turns }) }],
    tool_resources: { file_search: { vector_store_ids: [store] } },
  });
  const run = await client.beta.threads.runs.create(thread.id, { assistant_id: assistant });
  const of = { thread: thread.id, run: run.id };
  await reaches(make, of, 'completed');
  paths.push(`/threads/${thread.id}`);
  return of;
}

async function codeThread(make: Make) {
  const code = [
    'ships = {"Aurora": 41, "Borealis": [1, 2, 3]}',
    'open("/mnt/data/log.txt", "w").write("The Aurora came in at noon.")',
    'print(ships)',
  ].join('\n');
  const of = await startRun(make, 'code', [cell(code), turn(4)]);
  await reaches(make, of, 'completed');
  remember(make, of);
  return { thread: of.thread, assistant: make.assistant };
}

/** Waits for outputs of two calls. */
async function waitingRun(make: Make, label: string, fields: object) {
  const call = (key: string) => ({ name: 'lookup', arguments: { key } });
  const of = await startRun(make, label, [turn(3, [call('tide'), call('wind')]), turn(6)], fields);
  await reaches(make, of, 'requires_action');
  return of;
}

async function parkedRun(make: Make) {
  const of = await waitingRun(make, 'parked', {});
  remember(make, of);
  const run = await reaches(make, of, 'requires_action');
  const calls = run.required_action!.submit_tool_outputs.tool_calls.map(({ id }) => id);
  return { ...of, calls, events: await eventsUntilItWaits(make.client, of) };
}

/** The stream of a waiting run goes on: it is left at the event that says so. */
export async function eventsUntilItWaits(
  client: OpenAI,
  { thread, run }: { thread: string; run: string },
): Promise<string> {
  const response = await client.get(`/threads/${thread}/runs/${run}/events`).asResponse();
  let text = '';
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (/event: thread\.run\.requires_action\n[^]*?\n\n/.test(text)) break;
  }
  return text;
}

/** Resolves while the model is writing. */
async function runUnderWay(make: Make) {
  const of = await startRun(make, 'under way', [SLOW]);
  for (;;) {
    const { data } = await make.client.beta.threads.messages.list(of.thread);
    if (data.length > 1) return of;
    await pause(50);
  }
}

async function fillFile({ client, paths }: Make) {
  const content = 'The Aurora came in at noon. The Borealis waits outside the harbour.';
  const file = await client.files.create({
    file: await toFile(Buffer.from(content), 'harbour.txt'),
    purpose: 'assistants',
  });
  paths.push(`/files/${file.id}`);
  return file.id;
}

async function fillStore({ client, paths }: Make, file: string) {
  const broken = await client.files.create({
    file: await toFile(Buffer.from('%PDF-1.7 and nothing else'), 'broken.pdf'),
    purpose: 'assistants',
  });
  const store = await client.vectorStores.create({ name: 'Harbour', file_ids: [file, broken.id] });
  for (const id of [file, broken.id]) {
    while (
      (await client.vectorStores.files.retrieve(id, { vector_store_id: store.id })).status ===
      'in_progress'
    ) {
      await pause(50);
    }
  }
  const path = `/vector_stores/${store.id}`;
  paths.push(path, `${path}/files`, `${path}/files/${file}`, `${path}/files/${broken.id}`);
  paths.push(`${path}/files/${file}/content`, `/files`);
  return { store: store.id, file, failed: broken.id };
}

async function pendingUpload(client: OpenAI) {
  const content = ['The first part. ', 'The second part.'];
  const upload = await client.uploads.create({
    filename: 'parts.txt',
    purpose: 'user_data',
    bytes: content.join('').length,
    mime_type: 'text/plain',
  });
  const parts: string[] = [];
  for (const part of content) {
    const data = await toFile(Buffer.from(part), 'part');
    parts.push((await client.uploads.parts.create(upload.id, { data })).id);
  }
  return { id: upload.id, parts, content: content.join('') };
}

async function keyedRequests({ client, paths }: Make, thread: string): Promise<Recorded['keyed']> {
  const keyed: Recorded['keyed'] = [];
  const request = async (path: string, body: object) => {
    const key = `key-${keyed.length}`;
    const headers = { 'idempotency-key': key };
    keyed.push({ key, path, body, answer: await client.post(path, { body, headers }) });
  };
  await request('/assistants', { model: 'chaos', name: 'Made once' });
  await request(`/threads/${thread}/messages`, { role: 'user', content: 'Added once' });
  await request('/threads', { metadata: { made: 'once' } });
  paths.push(`/threads/${thread}/messages`);
  return keyed;
}
