/** One client's hour: a thread with a few runs, a file on its way into a vector store, or an upload in parts. */
import { createHash, randomBytes } from 'node:crypto';

import type { Answer, LoadClient } from './client.ts';
import type { RunKind } from './plans.ts';
import { KINDS, planRun, WEIGHT_OF_CODE } from './plans.ts';
import type { RunTarget } from './run.ts';
import { ClientRun } from './run.ts';

export type Assistants = { plain: string; code: string | null; search: string };

const MOST_RUNS = 4;

export async function runSession(
  client: LoadClient,
  name: string,
  assistants: Assistants,
): Promise<void> {
  const kind = client.random.weighted({
    talk: 12,
    code: assistants.code === null ? 0 : WEIGHT_OF_CODE,
    search: 3,
    upload: 2,
    race: 1,
  });
  if (kind === 'upload') return upload(client, name);
  if (kind === 'search') return search(client, name, assistants);
  const assistantId = kind === 'code' ? assistants.code! : assistants.plain;
  const threadId = await createThread(client, name, {});
  if (threadId === undefined) return;
  const target = { threadId, assistantId };
  if (kind === 'race') return race(client, name, target);
  return talk(client, name, target, kind === 'code');
}

async function talk(
  client: LoadClient,
  name: string,
  target: RunTarget,
  code: boolean,
): Promise<void> {
  const runs = client.random.integer(1, MOST_RUNS);
  for (let at = 0; at < runs && !client.signal.aborted; at++) {
    const kind: RunKind =
      code && client.random.chance(0.8) ? 'code' : client.random.weighted(KINDS);
    if (!(await liveRun(client, `${name}-${at}`, kind, target))) return;
  }
}

function liveRun(
  client: LoadClient,
  marker: string,
  kind: RunKind,
  target: RunTarget,
): Promise<boolean> {
  const wanted = planRun(client.random, marker, kind);
  client.ledger.wanted.push(wanted);
  return new ClientRun(client, wanted, target).live();
}

/** Two runs at once on one thread: only one can be. */
async function race(client: LoadClient, name: string, target: RunTarget): Promise<void> {
  await Promise.all(
    ['a', 'b'].map((side) =>
      liveRun(client, `${name}-${side}`, 'text', { ...target, alone: false }),
    ),
  );
}

async function search(client: LoadClient, name: string, { search: assistantId }: Assistants) {
  const words = Array.from({ length: 400 }, (_, at) => `${name} has word ${at}.`);
  const fileId = await createFile(client, name, Buffer.from(words.join(' ')));
  const store = await client.perform({
    op: `store-${name}`,
    kind: 'store',
    method: 'POST',
    path: '/vector_stores',
    body: { name },
    sent: { name },
    tries: 'keyed',
  });
  if (fileId === undefined || store?.status !== 200) return;
  const storeId = String(store.body['id']);
  const added = await client.perform({
    op: `add-${name}`,
    kind: 'store-file',
    method: 'POST',
    path: `/vector_stores/${storeId}/files`,
    body: { file_id: fileId },
    sent: { store: storeId, file: fileId },
    tries: 'keyed',
  });
  if (added?.status !== 200) return;
  if (client.random.chance(0.5)) await untilIndexed(client, name, storeId, fileId);
  const threadId = await createThread(client, name, {
    tool_resources: { file_search: { vector_store_ids: [storeId] } },
  });
  if (threadId !== undefined) {
    await liveRun(client, `${name}-0`, 'search', { threadId, assistantId });
  }
}

async function untilIndexed(client: LoadClient, name: string, store: string, file: string) {
  for (let tries = 0; tries < 60 && !client.signal.aborted; tries++) {
    const answer = await client.perform({
      op: `look-${name}`,
      kind: 'read',
      method: 'GET',
      path: `/vector_stores/${store}/files/${file}`,
      tries: 'repeat',
    });
    if (answer?.body['status'] !== 'in_progress') return;
    await client.rest(1_000);
  }
}

async function upload(client: LoadClient, name: string): Promise<void> {
  const parts = Array.from({ length: client.random.integer(1, 3) }, () =>
    randomBytes(client.random.integer(1_000, 200_000)),
  );
  const content = Buffer.concat(parts);
  const filename = `${name}.bin`;
  const created = await client.perform({
    op: `upload-${name}`,
    kind: 'upload',
    method: 'POST',
    path: '/uploads',
    body: {
      filename,
      purpose: 'user_data',
      bytes: content.length,
      mime_type: 'application/octet-stream',
    },
    sent: { filename },
    tries: 'keyed',
  });
  if (created?.status !== 200) return;
  const path = `/uploads/${String(created.body['id'])}`;
  const added = await Promise.all(
    parts.map((part, at) => addPart(client, `part-${name}-${at}`, path, part)),
  );
  if (added.some((answer) => answer?.status !== 200)) return;
  const ids = added.map((answer) => answer!.body['id']);
  await client.perform({
    op: `complete-${name}`,
    kind: 'complete',
    method: 'POST',
    path: `${path}/complete`,
    body: { part_ids: ids },
    sent: { filename, bytes: content.length, sha256: sha256(content) },
    tries: 'repeat',
  });
}

function addPart(
  client: LoadClient,
  op: string,
  path: string,
  part: Buffer,
): Promise<Answer | undefined> {
  return client.perform({
    op,
    kind: 'part',
    method: 'POST',
    path: `${path}/parts`,
    body: () => formOf({ data: part }, 'part'),
    tries: 'keyed',
  });
}

async function createFile(
  client: LoadClient,
  name: string,
  content: Buffer,
): Promise<string | undefined> {
  const filename = `${name}.txt`;
  const answer = await client.perform({
    op: `file-${name}`,
    kind: 'file',
    method: 'POST',
    path: '/files',
    body: () => formOf({ purpose: 'assistants', file: content }, filename),
    sent: { filename, bytes: content.length, sha256: sha256(content) },
    tries: 'keyed',
  });
  return answer?.status === 200 ? String(answer.body['id']) : undefined;
}

function formOf(fields: Record<string, string | Buffer>, filename: string): FormData {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === 'string') form.append(key, value);
    else form.append(key, new Blob([new Uint8Array(value)]), filename);
  }
  return form;
}

async function createThread(
  client: LoadClient,
  marker: string,
  fields: object,
): Promise<string | undefined> {
  const note = `note of ${marker}`;
  const answer = await client.perform({
    op: `thread-${marker}`,
    kind: 'thread',
    method: 'POST',
    path: '/threads',
    body: { metadata: { marker }, messages: [{ role: 'user', content: note }], ...fields },
    sent: { marker, text: note },
    tries: client.random.chance(0.1) ? 'once' : 'keyed',
  });
  return answer?.status === 200 ? String(answer.body['id']) : undefined;
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
