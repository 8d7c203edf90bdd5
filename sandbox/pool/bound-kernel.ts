/** A kernel bound to an interpreter: it restores the interpreter's stored state, and finds what a cell changed of it. */
import type { CellOutcome, Kernel, Limits } from '../backend.ts';
import { KernelError, KernelLostError, KernelTimeoutError } from '../backend.ts';
import type { FileChanges, FileState, Room } from './file-changes.ts';
import { fileChanges } from './file-changes.ts';
import type { InputFile, SavedFile, SavedState, StateChange } from '../sandbox.ts';
import { addLogs, addSentence } from '../kernel/running-cell.ts';

export type BoundKernel = {
  readonly kernel: Kernel;
  /** The version of the stored state that the kernel has. */
  version: string | null;
  /** Paths of stored files. */
  stored: Set<string>;
  /** Files that the kernel had when it was last looked at. */
  files: Map<string, FileState>;
  /** Inputs that were put, by their paths. */
  readonly inputs: Set<string>;
  /** A sentence that the model reads with the next cell. */
  notice: string;
};

/** What a cell changed, to be stored. */
export type Checkpoint = {
  change: StateChange;
  files: FileChanges;
  /** The file that could not be read as it was listed, and why. */
  unreadable: { path: string; cause: KernelError } | undefined;
};

const LIST_LENGTH = 10;

/** Binds a kernel to an interpreter without state. */
export function bindKernel(kernel: Kernel): BoundKernel {
  return {
    kernel,
    version: null,
    stored: new Set(),
    files: new Map(),
    inputs: new Set(),
    notice: '',
  };
}

/**
 * Restores a stored state in a new kernel. The model reads with the next cell which parts did not come back. Returns false when
 * the kernel died. Throws what reading the state throws, and KernelTimeoutError and KernelLostError: a part that had no time to
 * come back is not lost, so no cell may run without it.
 */
export async function restore(
  bound: BoundKernel,
  state: SavedState,
  version: string,
): Promise<boolean> {
  const { kernel } = bound;
  const lost = [...state.unsaved];
  bound.version = version;
  for (const file of state.files) {
    // A file that does not fit now stays stored, for the next kernel.
    if (await put(kernel, [file.path], file)) bound.stored.add(file.path);
    else lost.push(file.path);
  }
  if (state.namespace !== undefined) {
    const failed = await restoreNamespace(kernel, state.namespace);
    if (failed === undefined) lost.push('its variables');
    else lost.push(...failed);
  }
  bound.notice =
    lost.length === 0 ? '' : `The Python session was restored. Not restored: ${inShort(lost)}.\n`;
  if (!kernel.alive) return false;
  await markSafe(bound);
  return true;
}

/**
 * Puts the inputs that this kernel does not have yet. A file that a cell stored under an input's name stays. Throws what
 * `restore` throws.
 */
export async function putInputs(bound: BoundKernel, inputs: readonly InputFile[]): Promise<void> {
  const missing: string[] = [];
  let any = false;
  for (const input of inputs) {
    const key = input.paths.join('\0');
    if (bound.inputs.has(key)) continue;
    bound.inputs.add(key);
    const paths = input.paths.filter((path) => !bound.stored.has(path));
    if (paths.length === 0) continue;
    any = true;
    if (!(await put(bound.kernel, paths, input))) missing.push(paths.at(-1) ?? '');
  }
  if (missing.length > 0) bound.notice += `Not available: ${inShort(missing)}.\n`;
  if (any && bound.kernel.alive) await markSafe(bound);
}

/** Finds what the kernel has and storage does not. Throws KernelError. */
export async function takeCheckpoint(
  bound: BoundKernel,
  limits: Limits & Room,
): Promise<Checkpoint> {
  const listing = await bound.kernel.listFiles();
  const { namespaceBytes, roomBytes } = limits;
  const { blob, unsaved } = await bound.kernel.snapshot(Math.min(namespaceBytes, roomBytes));
  const left = roomBytes - (Buffer.isBuffer(blob) ? blob.length : 0);
  const files = fileChanges(listing, bound.files, bound.stored, { ...limits, roomBytes: left });
  const result: Checkpoint = {
    files,
    unreadable: undefined,
    change: {
      changed: files.changed.map(({ path, bytes }) => ({
        path,
        bytes,
        read: () =>
          readExactly(bound.kernel, path, bytes, (cause) => {
            result.unreadable = { path, cause };
          }),
      })),
      removed: files.removed,
      namespace: blob,
      unsaved,
    },
  };
  return result;
}

/**
 * Leaves out the file that could not be read, and names it. The stored file of that name stays, and the next cell tries again.
 * Returns false when there is no such file, or the kernel has ended.
 */
export function leaveOut(bound: BoundKernel, saved: Checkpoint): boolean {
  const path = saved.unreadable?.path;
  const { change, files } = saved;
  if (path === undefined || !bound.kernel.alive) return false;
  const kept = change.changed.filter((file) => file.path !== path);
  if (kept.length === change.changed.length) return false;
  change.changed = kept;
  files.changed = files.changed.filter((file) => file.path !== path);
  files.after.delete(path);
  files.notSaved.push(`${path} (it changed while it was saved)`);
  saved.unreadable = undefined;
  return true;
}

/** The change was stored. */
export function advance(bound: BoundKernel, version: string, { files }: Checkpoint): void {
  bound.version = version;
  bound.files = files.after;
  for (const path of files.removed) bound.stored.delete(path);
  for (const { path } of files.changed) bound.stored.add(path);
}

/** The outcome with the sentences around it that the model reads. */
export function withNotes(
  { outputs, status }: CellOutcome,
  notice: string,
  notSaved: readonly string[],
): CellOutcome {
  const all: CellOutcome['outputs'] = [];
  addLogs(all, notice);
  for (const output of outputs) {
    if (output.type === 'logs') addLogs(all, output.logs);
    else all.push(output);
  }
  if (notSaved.length > 0) addSentence(all, `Note: not saved: ${inShort(notSaved)}.\n`);
  return { outputs: all, status };
}

/** Marks all files as safe: each is stored or an input. */
async function markSafe(bound: BoundKernel): Promise<void> {
  const listing = await bound.kernel.listFiles().catch(unlessKernelError([]));
  bound.files = new Map(listing.map(({ path, stamp }) => [path, { stamp, safe: true }]));
}

/** False when the kernel could not take it. Throws what reading it throws. */
async function put(
  kernel: Kernel,
  paths: readonly string[],
  file: Pick<SavedFile, 'bytes' | 'read'>,
): Promise<boolean> {
  return kernel.putFile(paths, file.read(), file.bytes).then(() => true, unlessKernelError(false));
}

/** Returns the names that did not come back; undefined when none did. */
async function restoreNamespace(kernel: Kernel, blob: Buffer): Promise<string[] | undefined> {
  return kernel.restore(blob).then(({ failed }) => failed, unlessKernelError(undefined));
}

function unlessKernelError<T>(value: T): (error: unknown) => T {
  return (error) => {
    const notLost = error instanceof KernelTimeoutError || error instanceof KernelLostError;
    if (error instanceof KernelError && !notLost) return value;
    throw error;
  };
}

/** The first `bytes` bytes: a thread of the cell may go on writing. A file that became shorter cannot be read. */
async function* readExactly(
  kernel: Kernel,
  path: string,
  bytes: number,
  onUnreadable: (error: KernelError) => void,
): AsyncGenerator<Buffer> {
  try {
    let left = bytes;
    // Without a limit: the file may be longer now than its part that is read.
    for await (const part of kernel.readFile(path, Number.MAX_SAFE_INTEGER)) {
      if (left > 0) yield part.subarray(0, left);
      left -= part.length;
      if (left <= 0) return;
    }
    if (left > 0) throw new KernelError(`'${path}' changed while it was saved.`);
  } catch (error) {
    if (error instanceof KernelError) onUnreadable(error);
    throw error;
  }
}

function inShort(names: readonly string[]): string {
  const more = names.length - LIST_LENGTH;
  return more <= 0
    ? names.join(', ')
    : `${names.slice(0, LIST_LENGTH).join(', ')} and ${more} more`;
}
