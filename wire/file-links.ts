/**
 * Links in a message's text to files of the thread's Python: `sandbox:/mnt/data/NAME`. Models write the name as it is or
 * percent-encoded, with spaces and brackets, and put anything behind it; so a link is the longest text that names a file.
 */

import { countCharacters } from './text.ts';

/** What every link begins with. */
const LINK_PREFIX = 'sandbox:/mnt/data/';

/** `start` and `end` count code points of the text; `text` is the link as it was written. */
export type FileLink = { path: string; text: string; start: number; end: number };

/** Longest name that is looked for, in UTF-16 units; one name is tried at each of its lengths. */
const MAX_NAME = 500;
/** Links of one text, found or not; what follows stays text. */
const MAX_LINKS = 200;
const LINE_END = /[\r\n]/;
/** The name would go on: a dot at the end of a sentence ends a link, one before further letters does not. */
const GOES_ON = /^[./~%-]*[\p{L}\p{N}_]/u;

/** Whether `findFileLinks` could find anything, for callers who must read the files' names first. */
export function mentionsFiles(text: string): boolean {
  return text.includes(LINK_PREFIX);
}

/** Every link to a path for which `exists` holds, in order. Paths are relative to /mnt/data. */
export function findFileLinks(text: string, exists: (path: string) => boolean): FileLink[] {
  const links: FileLink[] = [];
  let counted = 0;
  let codePoints = 0;
  let from = 0;
  for (let tried = 0; tried < MAX_LINKS; tried++) {
    const at = text.indexOf(LINK_PREFIX, from);
    if (at < 0) break;
    const named = longestName(text.slice(at + LINK_PREFIX.length), exists);
    from = at + LINK_PREFIX.length + (named?.length ?? 0);
    if (named === undefined) continue;
    codePoints += countCharacters(text.slice(counted, at));
    const link = text.slice(at, from);
    const start = codePoints;
    codePoints += countCharacters(link);
    counted = from;
    links.push({ path: named.path, text: link, start, end: codePoints });
  }
  return links;
}

function longestName(
  rest: string,
  exists: (path: string) => boolean,
): { path: string; length: number } | undefined {
  const line = rest.slice(0, MAX_NAME).split(LINE_END, 1)[0]!;
  for (let length = line.length; length > 0; length--) {
    if (GOES_ON.test(rest.slice(length, length + 20))) continue;
    const written = line.slice(0, length);
    const path = [written, decoded(written)].find((candidate) => exists(candidate));
    if (path !== undefined) return { path, length };
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
