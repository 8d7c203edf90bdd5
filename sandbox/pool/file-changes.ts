/** Which files a cell changed, and which of them cannot be kept. Pure; the kernel's listing is untrusted and checked here. */
import type { FileEntry, Limits } from '../backend.ts';

/** A file's stamp, and whether its content is safe: stored, or an input's. */
export type FileState = { stamp: string; safe: boolean };

export type FileChanges = {
  changed: FileEntry[];
  removed: string[];
  /** 'big.bin (has 209,715,200 bytes; …)': for the model. */
  notSaved: string[];
  /** The files once the change is stored. */
  after: Map<string, FileState>;
};

/** Bytes that the project of the cell may still store. */
export type Room = { roomBytes: number };

const MAX_PATH_BYTES = 1_000;
const SHOWN_CHARACTERS = 100;

/**
 * Compares a listing, in order of paths, with the files `before` the cell. `stored`: paths of stored files. A file that cannot be
 * kept is named when it appears or changes, and the file that was stored under its name is removed.
 */
export function fileChanges(
  listing: readonly FileEntry[],
  before: ReadonlyMap<string, FileState>,
  stored: ReadonlySet<string>,
  limits: Pick<Limits, 'maxFiles' | 'fileBytes' | 'cellFileBytes'> & Partial<Room>,
): FileChanges {
  const result: FileChanges = { changed: [], removed: [], notSaved: [], after: new Map() };
  const refuse = ({ path, stamp }: FileEntry, reason: string) => {
    result.after.set(path, { stamp, safe: false });
    if (before.get(path)?.stamp !== stamp) result.notSaved.push(`${shown(path)} (${reason})`);
  };
  const wanted: FileEntry[] = [];
  let kept = 0;
  for (const entry of listing) {
    const earlier = before.get(entry.path);
    const unfit = unfitName(entry.path);
    if (unfit !== undefined) refuse(entry, unfit);
    else if (kept >= limits.maxFiles) {
      // The listing ends here.
      refuse(entry, `and every file after it by name: ${limits.maxFiles} files can be saved`);
    } else if (entry.bytes > limits.fileBytes) {
      refuse(entry, `has more than ${limits.fileBytes} bytes`);
    } else {
      kept += 1;
      result.after.set(entry.path, { stamp: entry.stamp, safe: true });
      if (earlier?.stamp !== entry.stamp || !earlier.safe) wanted.push(entry);
    }
  }
  // The smallest first, so that most files fit.
  let total = 0;
  const { cellFileBytes, roomBytes = Infinity } = limits;
  for (const entry of wanted.toSorted((a, b) => a.bytes - b.bytes)) {
    total += entry.bytes;
    if (total > cellFileBytes) refuse(entry, `a cell can save ${cellFileBytes} bytes`);
    else if (total > roomBytes) refuse(entry, `the limit of storage leaves ${roomBytes} bytes`);
    else result.changed.push(entry);
  }
  result.removed = [...stored].filter((path) => result.after.get(path)?.safe !== true);
  return result;
}

/** Why a path cannot be stored. The kernel's own paths are relative and plain, so any other is a forgery. */
function unfitName(path: string): string | undefined {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return 'its path is not one';
  }
  if (!path.isWellFormed()) return 'its name is not UTF-8';
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'its name has control characters';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return 'its path is too long';
  return undefined;
}

function shown(path: string): string {
  const text = JSON.stringify(path.toWellFormed()).replaceAll('\u007f', '\\u007f');
  const plain = text.slice(1, -1) === path ? path : text;
  return plain.length > SHOWN_CHARACTERS ? `${plain.slice(0, SHOWN_CHARACTERS)}…` : plain;
}
