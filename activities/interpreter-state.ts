/** Between the stored state of a thread's Python and what the sandbox takes and gives. Content is streamed. */
import { readBlob, writeBlob } from '../db/core/blobs.ts';
import type { StoredBlob } from '../db/core/blobs.ts';
import { findFiles } from '../db/files/find-files.ts';
import type { Lease, StoredVersion } from '../db/interpreters/interpreter-lease.ts';
import type { CellOutput, NewState } from '../db/interpreters/interpreters.ts';
import { listInterpreterFiles, readWholeBlob } from '../db/interpreters/interpreters.ts';
import type { Pool } from '../db/core/pool.ts';
import type { CellResult, InputFile, SavedState, StateChange } from '../sandbox/index.ts';
import { nameFiles } from '../wire/code-file-names.ts';
import type { ProjectId } from '../wire/ids.ts';
import { storable } from '../wire/text.ts';

/** What a new Python of the thread starts from. */
export async function readSavedState(
  pool: Pool,
  lease: Lease & StoredVersion,
): Promise<SavedState> {
  const files = await listInterpreterFiles(pool, lease.threadId);
  return {
    files: files.map(({ path, bytes, blobId }) => ({
      path,
      bytes,
      read: () => readBlob(pool, blobId),
    })),
    namespace:
      lease.namespace === null ? undefined : await readWholeBlob(pool, lease.namespace.blobId),
    unsaved: lease.unsaved,
  };
}

/** The uploads that are still there, each under its id and its name. */
export async function readInputFiles(
  pool: Pool,
  projectId: ProjectId,
  ids: string[],
): Promise<InputFile[]> {
  const files = (await findFiles(pool, projectId, ids)).flatMap(({ id, content }) =>
    content === null ? [] : [{ id, ...content }],
  );
  const names = nameFiles(files);
  return files.map(({ id, bytes, blobId }) => ({
    paths: [id, names.get(id)!],
    bytes,
    read: () => readBlob(pool, blobId),
  }));
}

/** Stores the content of what a cell gave, so that its transaction only has to point to it. */
export async function writeOutputs(
  pool: Pool,
  projectId: ProjectId,
  { outputs }: CellResult,
): Promise<CellOutput[]> {
  const written: CellOutput[] = [];
  for (const output of outputs) {
    if (output.type === 'image') {
      written.push({ type: 'image', blob: await writeBuffer(pool, projectId, output.png) });
      continue;
    }
    const logs = storable(output.logs);
    if (logs !== '') written.push({ type: 'logs', logs });
  }
  return written;
}

/** Likewise for the state after the cell. @throws the signal's reason between two files, and what reading one throws */
export async function writeState(
  pool: Pool,
  lease: Lease & StoredVersion,
  { version, change }: { version: string; change: StateChange },
  signal: AbortSignal,
): Promise<NewState> {
  const changed: NewState['changed'] = [];
  // The listing is the code's word: a path that it names twice is stored once.
  const files = new Map(change.changed.map((file) => [file.path, file]));
  for (const file of files.values()) {
    signal.throwIfAborted();
    const blob = await writeBlob(pool, lease.projectId, file.read(), { maxBytes: file.bytes });
    changed.push({ path: file.path, blob });
  }
  return {
    version,
    changed,
    removed: change.removed,
    unsaved: change.unsaved.map(storable),
    namespaceBlobId: await writeNamespace(pool, lease, change.namespace),
  };
}

async function writeNamespace(
  pool: Pool,
  lease: Lease & StoredVersion,
  namespace: StateChange['namespace'],
): Promise<number | null> {
  if (namespace === 'unchanged') return lease.namespace?.blobId ?? null;
  if (namespace === undefined) return null;
  return (await writeBuffer(pool, lease.projectId, namespace)).id;
}

function writeBuffer(pool: Pool, projectId: ProjectId, content: Buffer): Promise<StoredBlob> {
  return writeBlob(pool, projectId, whole(content), { maxBytes: content.length });
}

// oxlint-disable-next-line typescript/require-await -- a blob's source is asynchronous
async function* whole(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}
