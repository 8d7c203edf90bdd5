/**
 * The state of a thread's Python between cells: its files below /mnt/data and its pickled variables, as the last stored
 * cell left them. A cell's result and the state after it are one transaction, so neither is ever there without the other.
 */
import type { ProjectId, RunId, ThreadId, ToolCallId } from '../../wire/ids.ts';
import type { CodeOutput } from '../../wire/rows.ts';
import type { StoredBlob } from '../blobs/blobs.ts';
import { readBlob, releaseBlobs } from '../blobs/blobs.ts';
import { createFileOfBlob } from '../files/files.ts';
import type { Lease, StoredVersion } from './interpreter-lease.ts';
import { endLease } from './interpreter-lease.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { countCell } from '../projects/usage.ts';
import type { RunToolResult } from '../turns/tool-calls.ts';
import { StaleCallError, lockRunOfCall, storeToolResult } from '../turns/tool-calls.ts';

export type InterpreterFile = { path: string; bytes: number; blobId: number };

/** The thread's files, in the order of their paths. */
export async function listInterpreterFiles(
  db: Queryable,
  threadId: ThreadId,
): Promise<InterpreterFile[]> {
  return query<InterpreterFile>(
    db,
    'interpreters.files',
    `select path, bytes, blob_id as "blobId" from interpreter_files where thread_id = $1 order by path`,
    [threadId],
  );
}

/** A whole blob that fits in memory, such as a thread's variables. */
export async function readWholeBlob(db: Queryable, id: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(db, id)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a cell left. Blobs are stored already and belong to nobody until the cell's transaction refers to them. */
export type NewState = {
  version: string;
  unsaved: string[];
  changed: { path: string; blob: StoredBlob }[];
  removed: string[];
  /** The blob that is stored already when the variables did not change; null: there are none. */
  namespaceBlobId: number | null;
};

export type CellOutput = { type: 'logs'; logs: string } | { type: 'image'; blob: StoredBlob };

/**
 * Stores the result of a code call, which took `ms`, together with the state after it, and gives the lease up. `state` is null when the
 * Python died: then it stays what it was before the cell. Blobs that nothing refers to afterwards are gone with it.
 * @throws StaleCallError when there is nothing to store any more; FencedError when the lease was lost
 */
export async function storeCell(
  pool: Pool,
  lease: Lease & Pick<StoredVersion, 'namespace'>,
  call: { runId: RunId; callId: ToolCallId },
  { outputs, state, ms }: { outputs: CellOutput[]; state: NewState | null; ms: number },
): Promise<RunToolResult> {
  const stored = withTransaction(pool, async (tx) => {
    const run = await lockRunOfCall(tx, call);
    const shown: CodeOutput[] = [];
    for (const output of outputs) {
      shown.push(await toCodeOutput(tx, lease.projectId, output, shown));
    }
    const result = await storeToolResult(tx, run, call.callId, { outputs: shown });
    const [replaced] = await Promise.all([
      state === null ? [] : replaceState(tx, lease, state),
      endLease(tx, lease, state),
      countCell(tx, call.runId, ms),
    ]);
    await releaseBlobs(tx, replaced);
    return result;
  });
  return stored.catch(async (error: unknown) => {
    if (error instanceof StaleCallError) {
      await withTransaction(pool, (tx) => releaseBlobs(tx, blobsOf(outputs, state)));
    }
    throw error;
  });
}

function blobsOf(outputs: CellOutput[], state: NewState | null): number[] {
  const images = outputs.flatMap((output) => (output.type === 'image' ? [output.blob.id] : []));
  const files = state?.changed.map(({ blob }) => blob.id) ?? [];
  return [...images, ...files, ...(state?.namespaceBlobId ? [state.namespaceBlobId] : [])];
}

/** An image becomes a file, numbered within its call. */
async function toCodeOutput(
  tx: Tx,
  projectId: ProjectId,
  output: CellOutput,
  before: CodeOutput[],
): Promise<CodeOutput> {
  if (output.type === 'logs') return output;
  const number = before.filter(({ type }) => type === 'image').length + 1;
  const file = await createFileOfBlob(tx, projectId, {
    filename: `image-${number}.png`,
    purpose: 'assistants_output',
    blobId: output.blob.id,
    bytes: output.blob.bytes,
  });
  return { type: 'image', image: { file_id: file.id } };
}

/** Returns the blobs that may have lost their last use. */
async function replaceState(
  tx: Tx,
  { threadId, namespace }: Lease & Pick<StoredVersion, 'namespace'>,
  state: NewState,
): Promise<number[]> {
  const blobs = await storeFiles(tx, threadId, state);
  const unchanged = namespace === null || namespace.blobId === state.namespaceBlobId;
  return unchanged ? blobs : [...blobs, namespace.blobId];
}

/**
 * Equal content is one blob within the thread: a file that was only touched or copied keeps the blob, and the file that
 * was made of it.
 */
async function storeFiles(
  tx: Tx,
  threadId: ThreadId,
  { changed, removed }: Pick<NewState, 'changed' | 'removed'>,
): Promise<number[]> {
  if (changed.length === 0 && removed.length === 0) return [];
  const rows = await query<{ blob_id: number }>(
    tx,
    'interpreters.store-files',
    `with shown as (
       select * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bytea[]) as g(path, bytes, blob_id, sha256)),
     known as (
       select distinct on (b.sha256) b.sha256, b.id from interpreter_files f join blobs b on b.id = f.blob_id
       where f.thread_id = $1 and b.sha256 = any($5::bytea[]) order by b.sha256, b.id),
     before as (
       select blob_id from interpreter_files where thread_id = $1 and path = any($2::text[] || $6::text[])),
     removed as (
       delete from interpreter_files where thread_id = $1 and path = any($6::text[])),
     stored as (
       insert into interpreter_files (thread_id, path, bytes, blob_id)
       select $1, path, bytes, coalesce(known.id, min(blob_id) over (partition by sha256))
       from shown left join known using (sha256)
       on conflict (thread_id, path) do update set bytes = excluded.bytes, blob_id = excluded.blob_id,
         file_id = case when interpreter_files.blob_id = excluded.blob_id then interpreter_files.file_id end)
     select blob_id from before union select blob_id from shown`,
    [
      threadId,
      changed.map(({ path }) => path),
      changed.map(({ blob }) => blob.bytes),
      changed.map(({ blob }) => blob.id),
      changed.map(({ blob }) => blob.sha256),
      removed,
    ],
  );
  return rows.map(({ blob_id }) => blob_id);
}
