/** A live kernel and how it relates to what is stored of its session: bringing it there, and finding what changed. */
import type { CellOutcome, Kernel, Limits } from '../backend.ts';
import { KernelError, KernelLostError, KernelTimeoutError } from '../backend.ts';
import type { FileChanges, Known } from './changes.ts';
import { fileChanges } from './changes.ts';
import type { InputFile, SavedFile, SavedState, StateChange } from '../sandbox.ts';
import { addLogs, addSentence } from '../kernel/running-cell.ts';

/** A kernel of a session. */
export type Live = {
  readonly kernel: Kernel;
  /** Of the stored state it is at. */
  version: string | null;
  /** Paths that storage has. */
  stored: Set<string>;
  known: Map<string, Known>;
  /** Inputs that were put, by their paths. */
  readonly inputs: Set<string>;
  /** What the model is to be told with the next cell. */
  notice: string;
};

/** A change, and what is known once it is stored. */
export type Checkpoint = {
  change: StateChange;
  files: FileChanges;
  /** The file that could not be read as it was listed, and why. */
  unreadable: { path: string; cause: KernelError } | undefined;
};

const LIST_LENGTH = 10;

/** A session that starts with nothing. */
export function emptyLive(kernel: Kernel): Live {
  return {
    kernel,
    version: null,
    stored: new Set(),
    known: new Map(),
    inputs: new Set(),
    notice: '',
  };
}

/**
 * Brings a new kernel to a stored state. What does not come back is told to the model with the next cell; only when that
 * costs the kernel its life, false is returned. Throws what reading the state throws, and KernelTimeoutError and
 * KernelLostError: what had no time to come back is not lost, so no cell may run without it.
 */
export async function restore(live: Live, state: SavedState, version: string): Promise<boolean> {
  const { kernel } = live;
  const lost = [...state.unsaved];
  live.version = version;
  for (const file of state.files) {
    // One that does not fit now stays stored, for the next kernel.
    if (await put(kernel, [file.path], file)) live.stored.add(file.path);
    else lost.push(file.path);
  }
  if (state.namespace !== undefined) {
    const failed = await restoreNamespace(kernel, state.namespace);
    if (failed === undefined) lost.push('its variables');
    else lost.push(...failed);
  }
  live.notice =
    lost.length === 0 ? '' : `The Python session was restored. Not restored: ${inShort(lost)}.\n`;
  if (!kernel.alive) return false;
  await markSafe(live);
  return true;
}

/**
 * Puts the inputs that this kernel has not got yet; an input gives way to what a cell stored under its name. Throws what
 * `restore` throws.
 */
export async function putInputs(live: Live, inputs: readonly InputFile[]): Promise<void> {
  const missing: string[] = [];
  let any = false;
  for (const input of inputs) {
    const key = input.paths.join('\0');
    if (live.inputs.has(key)) continue;
    live.inputs.add(key);
    const paths = input.paths.filter((path) => !live.stored.has(path));
    if (paths.length === 0) continue;
    any = true;
    if (!(await put(live.kernel, paths, input))) missing.push(paths.at(-1) ?? '');
  }
  if (missing.length > 0) live.notice += `Not available: ${inShort(missing)}.\n`;
  if (any && live.kernel.alive) await markSafe(live);
}

/** What the kernel holds that storage does not. Throws KernelError. */
export async function checkpoint(live: Live, limits: Limits): Promise<Checkpoint> {
  const listing = await live.kernel.listFiles();
  const files = fileChanges(listing, live.known, live.stored, limits);
  const { blob, unsaved } = await live.kernel.snapshot(limits.namespaceBytes);
  const result: Checkpoint = {
    files,
    unreadable: undefined,
    change: {
      changed: files.changed.map(({ path, bytes }) => ({
        path,
        bytes,
        read: () =>
          readExactly(live.kernel, path, bytes, (cause) => {
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
 * Leaves out the file that could not be read, and names it; storage keeps what it has under that name, and the next cell
 * tries again. False when there is none, or the kernel is over.
 */
export function leaveOut(live: Live, saved: Checkpoint): boolean {
  const path = saved.unreadable?.path;
  const { change, files } = saved;
  if (path === undefined || !live.kernel.alive) return false;
  const kept = change.changed.filter((file) => file.path !== path);
  if (kept.length === change.changed.length) return false;
  change.changed = kept;
  files.changed = files.changed.filter((file) => file.path !== path);
  files.known.delete(path);
  files.notSaved.push(`${path} (it changed while it was saved)`);
  saved.unreadable = undefined;
  return true;
}

/** The change was stored. */
export function advance(live: Live, version: string, { files }: Checkpoint): void {
  live.version = version;
  live.known = files.known;
  for (const path of files.removed) live.stored.delete(path);
  for (const { path } of files.changed) live.stored.add(path);
}

/** The outcome with everything around it that the model is told. */
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

/** Everything that is there now is either stored or an input. */
async function markSafe(live: Live): Promise<void> {
  const listing = await live.kernel.listFiles().catch(unlessKernelError([]));
  live.known = new Map(listing.map(({ path, stamp }) => [path, { stamp, safe: true }]));
}

/** False when the kernel could not take it. Throws what reading it throws. */
async function put(
  kernel: Kernel,
  paths: readonly string[],
  file: Pick<SavedFile, 'bytes' | 'read'>,
): Promise<boolean> {
  return kernel.putFile(paths, file.read(), file.bytes).then(() => true, unlessKernelError(false));
}

/** Undefined: none of it came back. */
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

/** The first `bytes` bytes: a thread of the cell may go on writing. What became shorter cannot be read. */
async function* readExactly(
  kernel: Kernel,
  path: string,
  bytes: number,
  onUnreadable: (error: KernelError) => void,
): AsyncGenerator<Buffer> {
  try {
    let left = bytes;
    // Without an end here: the file may be longer than its part that is read.
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
