/** Puts real ids in the place of placeholders, and leaves out values that only tell a type. */
import { createHash } from 'node:crypto';

import { UPLOADED } from './real-objects.ts';
import type { Ids } from './real-objects.ts';

/** Names that the published examples give to ids of an object. */
const ALIASES: Record<string, string> = {
  'file-abc123': 'file_id',
  vs_abc123: 'vector_store_id',
  vsfb_abc123: 'batch_id',
  upload_abc123: 'upload_id',
};
/** Fields whose example is a list of `string`. */
const LISTS: Record<string, string> = {
  file_ids: 'file_id',
  vector_store_ids: 'vector_store_id',
  part_ids: 'part_id',
};
/** By its last word, what a list holds. */
const LISTED: Record<string, string> = {
  assistants: 'assistant_id',
  messages: 'message_id',
  runs: 'run_id',
  steps: 'step_id',
  files: 'file_id',
  vector_stores: 'vector_store_id',
  batches: 'batch_id',
};

export function inPath(path: string, ids: Ids): string {
  return (
    path
      // Versions 1 and 2.
      .replace(/^\/files\/string/, '/files/file_id')
      .replace(/^\/batches\/string/, '/batches/batch_id')
      .split('/')
      .map((word) => idFor(decodeURIComponent(word), ids) ?? word)
      .join('/')
  );
}

/** `after=after`, or in versions 1 and 2 `after=string`, names an object of the list; `limit=0` is a number and no more. */
export function inQuery(query: URLSearchParams, path: string, ids: Ids): URLSearchParams {
  const held = ids[LISTED[path.split('/').at(-1) ?? ''] ?? ''];
  const real = new URLSearchParams(query);
  for (const cursor of ['after', 'before']) {
    if (![cursor, 'string'].includes(real.get(cursor) ?? '')) continue;
    if (held === undefined) real.delete(cursor);
    else real.set(cursor, held);
  }
  if (real.get('limit') === '0') real.delete('limit');
  if (real.get('run_id') === 'run_id' && ids.run_id !== undefined) real.set('run_id', ids.run_id);
  return real;
}

/**
 * A body with real ids. Of two fields that exclude each other, as the published description says, the first is kept; of two
 * that one is needed of, the first is added.
 */
export function inBody(body: unknown, path: string, ids: Ids): unknown {
  const real = substituted(body, ids);
  if (!path.endsWith('/file_batches') || typeof real !== 'object') return real;
  const { files: _, ...rest } = { file_ids: [ids.file_id], ...real } as Record<string, unknown>;
  return rest;
}

function substituted(value: unknown, ids: Ids): unknown {
  if (typeof value === 'string') return idFor(value, ids) ?? value;
  if (Array.isArray(value)) return value.map((item) => substituted(item, ids));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(
    ([name]) => !(name === 'vector_stores' && 'vector_store_ids' in value),
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, inField(name, field, ids)]));
}

function inField(name: string, value: unknown, ids: Ids): unknown {
  if (name === 'tool_outputs') return [{ tool_call_id: ids.tool_call_id, output: 'sunny' }];
  if (name === 'input_file_id') return ids.input_file_id;
  if (name === 'bytes' && value === 0) return UPLOADED.length;
  if (name === 'md5' && value === 'md5') return createHash('md5').update(UPLOADED).digest('hex');
  const list = LISTS[name];
  return list === undefined ? substituted(value, ids) : [ids[list]];
}

function idFor(word: string, ids: Ids): string | undefined {
  return ids[ALIASES[word] ?? word];
}
