/** Stores objects of another server with their ids and times. One that the project has already is not changed. */
import { ApiError, idTaken, threadBusyForMessage } from '../../wire/errors/errors.ts';
import type { IdKind, ProjectId } from '../../wire/ids.ts';
import { copiedPlace } from '../../wire/ids.ts';
import { toAssistant, toFile, toVectorStore, toVectorStoreFile } from '../../wire/objects.ts';
import type { Import, ImportedFile, ImportedObject } from '../../wire/requests/imports.ts';
import type { StoredBlob } from '../blobs/blobs.ts';
import { releaseBlobs } from '../blobs/blobs.ts';
import type { Delivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { getFileRow } from '../files/files.ts';
import { getAssistantRow } from '../threads/assistants.ts';
import { lockThread } from '../threads/lock-thread.ts';
import { getMessage } from '../threads/messages.ts';
import { getThread } from '../threads/threads.ts';
import { addFiles, getVectorStoreFileRow } from '../vector-stores/vector-store-files.ts';
import { getVectorStoreRow } from '../vector-stores/vector-stores.ts';

type Row = { id: string; created_at: number; [column: string]: unknown };
type Of<Name> = Extract<ImportedObject, { object: Name }>;
type Stored = { created: boolean; imported: Import['imported']; deliveries?: Delivery[] };

/** @throws ApiError 400 when another object has the id; 404 when the thread, store or file does not exist */
export async function importObject(
  tx: Tx,
  project: ProjectId,
  given: ImportedObject,
): Promise<Stored> {
  const last_active_at = Math.floor(Date.now() / 1_000);
  switch (given.object) {
    case 'assistant': {
      const { object: kind, ...row } = given;
      const created = await insert(tx, 'assistants', placed(kind, project, row));
      const read = getAssistantRow(tx, project, given.id).then(toAssistant);
      return { created, imported: await ownOf(given.id, read) };
    }
    case 'thread': {
      // As if it had been used now: the retention does not take it at once.
      const { object: kind, ...row } = { ...given, last_active_at };
      const created = await insert(tx, 'threads', placed(kind, project, row));
      return { created, imported: await ownOf(given.id, getThread(tx, project, given.id)) };
    }
    case 'vector_store': {
      const { object: kind, ...row } = { ...given, last_active_at };
      const created = await insert(tx, 'vector_stores', placed(kind, project, row));
      const read = getVectorStoreRow(tx, project, given.id).then(toVectorStore);
      return { created, imported: await ownOf(given.id, read) };
    }
    case 'thread.message':
      return importMessage(tx, project, given);
    case 'vector_store.file':
      return importStoreFile(tx, project, given);
  }
}

/** The thread's resources and stores are copied by themselves: attachments add nothing to them. */
async function importMessage(
  tx: Tx,
  project: ProjectId,
  given: Of<'thread.message'>,
): Promise<Stored> {
  const { object: _, id, thread_id: threadId, incomplete_details, ...fields } = given;
  const thread = await lockThread(tx, project, threadId);
  const read = () => getMessage(tx, { projectId: project, threadId, messageId: id });
  const known = await read().catch(ignoreMissing);
  if (known !== undefined) return { created: false, imported: known };
  if (thread.active_run_id !== null) throw threadBusyForMessage(threadId, thread.active_run_id);
  const counted = await query<{ seq: number; tokens_before: number }>(
    tx,
    'imports.count-message',
    `update threads set last_message_seq = last_message_seq + 1, total_tokens = total_tokens + $2
     where id = $1 returning last_message_seq as seq, total_tokens - $2 as tokens_before`,
    [threadId, given.tokens],
  );
  const ended = fields.status === 'completed' ? (fields.completed_at ?? given.created_at) : null;
  const row = {
    ...fields,
    id,
    thread_id: threadId,
    incomplete_reason: incomplete_details?.reason ?? null,
    completed_at: ended,
    ...counted[0]!,
  };
  if (await insert(tx, 'messages', placed('message', project, row))) {
    return { created: true, imported: await read() };
  }
  throw idTaken(id);
}

/** The file is cut and indexed anew. */
async function importStoreFile(
  tx: Tx,
  project: ProjectId,
  { id, vector_store_id: storeId, created_at, files }: Of<'vector_store.file'>,
): Promise<Stored> {
  const path = { projectId: project, storeId, fileId: id };
  const read = () => getVectorStoreFileRow(tx, path);
  const known = await read().catch(ignoreMissing);
  if (known?.status === 'in_progress' || known?.status === 'completed') {
    return { created: false, imported: toVectorStoreFile(known) };
  }
  const deliveries = await addFiles(tx, path, files);
  await query(
    tx,
    'imports.store-file',
    'update vector_store_files set created_at = $3 where vector_store_id = $1 and file_id = $2',
    [storeId, id, created_at],
  );
  return { created: true, imported: toVectorStoreFile(await read()), deliveries };
}

/** If the file exists already, its new blob is deleted. @throws ApiError 400 when another object has the id */
export async function importFile(
  tx: Tx,
  project: ProjectId,
  { file: { filename }, ...given }: ImportedFile,
  blob: StoredBlob,
): Promise<Stored> {
  const row = { ...given, filename, bytes: blob.bytes, blob_id: blob.id };
  const created = await insert(tx, 'files', placed('file', project, row));
  if (!created) await releaseBlobs(tx, [blob.id]);
  const read = getFileRow(tx, project, given.id).then(toFile);
  return { created, imported: await ownOf(given.id, read) };
}

function placed(kind: IdKind, project_id: ProjectId, row: Row): Row {
  return { ...row, project_id, list_place: copiedPlace(kind, row.id, row.created_at) };
}

const JSON_COLUMNS = [
  'tools',
  'tool_resources',
  'metadata',
  'response_format',
  'content',
  'attachments',
];

/** Returns false if the id is taken, by this project or another. */
async function insert(tx: Tx, table: string, row: Row): Promise<boolean> {
  const columns = Object.keys(row);
  const rows = await query<{ id: string }>(
    tx,
    `imports.${table}`,
    `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, at) => `$${at + 1}`).join(', ')})
     on conflict (id) do nothing returning id`,
    columns.map((name) => (JSON_COLUMNS.includes(name) ? toJson(row[name]) : row[name])),
  );
  return rows.length > 0;
}

/** An object that the project does not see has the id. */
async function ownOf<T>(id: string, read: Promise<T>): Promise<T> {
  return read.catch((error: unknown) => {
    throw ignoreMissing(error) ?? idTaken(id);
  });
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}
