/**
 * What the stored state of a thread's Python holds, as streams: files and variables. The types are those of a sandbox, which
 * takes what is read here and gives what is written.
 */
import type { ProjectId } from '../../wire/ids.ts';
import { nameFiles } from '../../wire/code-file-names.ts';
import { storable } from '../../wire/text.ts';
import { readBlob } from '../blobs/blobs.ts';
import { writeBlob } from '../blobs/write-blob.ts';
import type { StoredBlob } from '../blobs/blobs.ts';
import type { Pool } from '../core/pool.ts';
import { findFiles } from '../files/find-files.ts';
import type { Lease, StoredVersion } from './interpreter-lease.ts';
import type { CellOutput, NewState } from './interpreters.ts';
import { listInterpreterFiles, readWholeBlob } from './interpreters.ts';

type Content = { bytes: number; read: () => AsyncIterable<Uint8Array> };

/** The state that a new Python starts from. */
export type SavedState = {
  files: (Content & { path: string })[];
  namespace: Buffer | undefined;
  unsaved: string[];
};

/** What a cell printed and showed. */
type Outputs = readonly ({ type: 'logs'; logs: string } | { type: 'image'; png: Buffer })[];

/** What a cell changed. */
type StateChange = {
  changed: (Content & { path: string })[];
  removed: string[];
  namespace: Buffer | 'unchanged' | undefined;
  unsaved: string[];
};

/** Reads the state that a new Python of the thread starts from. */
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
): Promise<(Content & { paths: string[] })[]> {
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

const NO_ROOM = 'Note: an image was omitted (the project has reached its limit of storage).\n';

/**
 * Stores the content of a cell's outputs, so that its transaction only has to refer to it. Images that `roomBytes` do not hold
 * are omitted.
 */
export async function writeOutputs(
  pool: Pool,
  projectId: ProjectId,
  outputs: Outputs,
  roomBytes: number,
): Promise<CellOutput[]> {
  const written: CellOutput[] = [];
  let room = roomBytes;
  for (const output of outputs) {
    if (output.type === 'image') {
      room -= output.png.length;
      if (room < 0) {
        written.push({ type: 'logs', logs: NO_ROOM });
        continue;
      }
      written.push({ type: 'image', blob: await writeBuffer(pool, projectId, output.png) });
      continue;
    }
    const logs = storable(output.logs);
    if (logs !== '') written.push({ type: 'logs', logs });
  }
  return written;
}

/** The same for the state after the cell. @throws the signal's reason between two files, and what reading one throws */
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
