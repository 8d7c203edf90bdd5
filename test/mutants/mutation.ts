/** A seeded bug: what is changed in the sources, and the tests that have to notice. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `search` occurs exactly once in `file`. */
export type Edit = { file: string; search: string; replace: string };

/** A test by its file and its name as written there; `%s` and `$name` stand for what a row of `test.each` puts in. */
export type NamedTest = { file: string; test: string };

export type Mutation = {
  id: string;
  /** What goes wrong for users or operators. */
  why: string;
  edits: Edit[];
  /** Every one of them fails. */
  caughtBy: NamedTest[];
};

export const edit = (file: string, search: string, replace: string): Edit => ({
  file,
  search,
  replace,
});

export const by = (file: string, test: string): NamedTest => ({ file, test });

/** @throws Error when the text to replace is not there, or there more than once */
export function applyEdit(source: string, { file, search, replace }: Edit): string {
  const places = source.split(search).length - 1;
  if (places !== 1) throw new Error(`${file} has the text to replace ${places} times: ${search}`);
  // A function, because `$` means something in a replacement.
  return source.replace(search, () => replace);
}

/** Changes the sources below `root`. Returns the way back. @throws Error as `applyEdit`, with nothing changed */
export async function applyMutation(
  root: string,
  { edits }: Mutation,
): Promise<() => Promise<void>> {
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  for (const edit of edits) {
    const path = join(root, edit.file);
    const source = after.get(path) ?? (await readFile(path, 'utf8'));
    if (!before.has(path)) before.set(path, source);
    after.set(path, applyEdit(source, edit));
  }
  for (const [path, text] of after) await writeFile(path, text);
  return async () => {
    for (const [path, text] of before) await writeFile(path, text);
  };
}
