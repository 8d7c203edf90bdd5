/** A directory of exports: JSON or JSONL files of objects and of lists as the API returns them, under any names. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { StartError, reasonOf } from '../serve/start-error.ts';
import type { Found, Source } from './source.ts';
import { inOrder } from './source.ts';

const KINDS = [
  'file',
  'vector_store',
  'assistant',
  'vector_store.file',
  'thread',
  'thread.message',
];

/** Without the mark that some editors write in front. Other characters than the exported ones are worse than an error. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** `contents` is the directory of the files' contents, which are not read as exports. @throws StartError */
export async function exportSource(directory: string, contents: string): Promise<Source> {
  const found: Found[] = [];
  for (const path of await exportsIn(directory, contents)) {
    try {
      collect(parse(UTF8.decode(await readFile(path)), path), found);
    } catch (error) {
      throw new StartError(`${path} cannot be read as JSON (${reasonOf(error)}): correct it.`);
    }
  }
  const of = (kind: string, field?: string, id?: string) =>
    inOrder(found.filter((one) => one.object === kind && (!field || one[field] === id)));
  const messages = (id: string) => of('thread.message', 'thread_id', id);
  const threads = [...of('thread'), ...of('thread.message').map((one) => one.thread_id)];
  return {
    list: async (kind) => of(kind),
    storeFiles: async (store) => of('vector_store.file', 'vector_store_id', store),
    threadIds: async () => [
      ...new Set(threads.map((one) => (typeof one === 'string' ? one : (one as Found).id))),
    ],
    thread: async (id) => of('thread', 'id', id)[0] ?? threadOf(id, messages(id)),
    messages: async (id) => messages(id),
  };
}

async function exportsIn(directory: string, contents: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true }).catch((error: unknown) => {
    throw new StartError(`${directory} cannot be read (${reasonOf(error)}): correct --from-dir.`);
  });
  return entries
    .filter((name) => /\.(json|jsonl|ndjson)$/.test(name))
    .map((name) => join(directory, name))
    .filter((path) => !path.startsWith(join(contents, '/')))
    .toSorted();
}

function parse(text: string, path: string): unknown {
  if (path.endsWith('.json')) return JSON.parse(text);
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
}

/** Looks for objects in lists and in other values, and for messages and files inside of their threads and stores. */
function collect(value: unknown, found: Found[]): void {
  if (typeof value !== 'object' || value === null) return;
  const one = value as Found;
  if (!KINDS.includes(one.object)) {
    for (const inner of Object.values(value)) collect(inner, found);
    return;
  }
  const { messages, files, ...object } = one;
  found.push(object as Found);
  collect(messages, found);
  collect(files, found);
}

/** A thread that only its messages tell of. */
function threadOf(id: string, [first]: Found[]): Found {
  const created_at = first?.created_at ?? 0;
  return { id, object: 'thread', created_at, metadata: {}, tool_resources: {} };
}
