/**
 * Query strings. `parseQuery` takes an object of strings and arrays (Express), URLSearchParams, or the raw string. Unlike in
 * bodies, unknown names are ignored: gateways and SDKs add their own, such as `api-version`.
 */
import { z } from 'zod';
import { checkId } from '../ids.ts';
import { RUN_STATUSES } from '../run-status.ts';
import { parseValue } from './body.ts';
import { EXTENSION, integer, list } from './fields.ts';
import { LIMITS } from './limits.ts';

const word = z
  .string()
  .max(LIMITS.fileId)
  .regex(/^[a-zA-Z0-9_-]+$/);
const cursor = word.min(1).optional();
const order = z.enum(['asc', 'desc']).default('desc');
const include = list(
  z.literal('step_details.tool_calls[*].file_search.results[*].content'),
  'strings',
  100,
).default([]);

/** At most `limit` objects after or before the one named, newest first unless `asc`. */
export const listQuery = z.object({
  limit: integer(1, 100).default(20),
  order,
  after: cursor,
  before: cursor,
});

/** @throws ApiError 400 for a `run_id` that cannot be a run's */
export const listMessagesQuery = listQuery
  .extend({ run_id: z.string().optional() })
  .transform(({ run_id, ...page }) => ({
    ...page,
    run_id: run_id === undefined ? undefined : checkId('run_id', run_id),
  }));

/** Without `order` and `before`, as published. */
export const listBatchesQuery = z.object({ limit: integer(1, 100).default(20), after: cursor });

/** `filter`: only files in that state. */
export const listStoreFilesQuery = listQuery.extend({
  filter: z.enum(['in_progress', 'completed', 'failed', 'cancelled']).optional(),
});

/** Without `before`, as hosted. A client can ask for any purpose; no file has an unknown one. */
export const listFilesQuery = z.object({
  limit: integer(1, LIMITS.filesPage).default(LIMITS.filesPage),
  order,
  after: cursor,
  purpose: word.optional(),
});

const seconds = integer(0, LIMITS.maxInteger).optional();
const name = z.string().max(LIMITS.model).optional();

/** `metadata[key]=value`, for each pair that the objects must have. */
const projectListQuery = listQuery.extend({
  metadata: z.record(z.string(), z.string()).default({}),
  created_after: seconds,
  created_before: seconds,
});
export const listThreadsQuery = projectListQuery;
export const listProjectRunsQuery = projectListQuery.extend({
  status: z.enum(RUN_STATUSES).optional(),
  assistant_id: word.optional(),
  thread_id: word.optional(),
  model: name,
  batch_id: word.optional(),
});

/** Messages with all words of the text. */
export const searchMessagesQuery = listQuery.extend({
  text: z.string().min(1).max(LIMITS.searchQuery),
  thread_id: word.optional(),
  created_after: seconds,
  created_before: seconds,
});

export const listStepsQuery = listQuery.extend({ include });
export const explainQuery = z.object({
  include: list(z.literal('content'), 'strings', 100).default([]),
});
export const includeQuery = z.object({ include });
/** For operations whose published query has no `include`. */
export const extraIncludeQuery = z.object({ include: include.meta(EXTENSION) });

/** Our extension: `starting_after` is the sequence number of the last event seen; undefined for all of them. */
export const eventsQuery = z.object({
  starting_after: integer(0, LIMITS.maxInteger).optional(),
  include,
});

const NUMBERS = [
  'limit',
  'starting_after',
  'start_time',
  'end_time',
  'page',
  'created_after',
  'created_before',
];
const LISTS = ['include', 'group_by'];

/** @throws ApiError 400 */
export function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  const given = queryFields(query);
  const fields = withoutEmpty(given);
  const numbers = NUMBERS.map((name) => [name, asNumber(fields[name])]);
  const lists = LISTS.map((name) => [name, listed(fields, name)]);
  const metadata = pairsOf(given, 'metadata');
  return parseValue(schema, {
    ...fields,
    ...metadata,
    ...Object.fromEntries([...numbers, ...lists]),
  });
}

/** `name[key]=value`, also percent-encoded. An empty value is a value: without it the list would show everything. */
function pairsOf(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const pairs = Object.entries(fields).flatMap(([field, value]) => {
    const key = decoded(field);
    const isPair = key.startsWith(`${name}[`) && key.endsWith(']');
    return isPair ? [[key.slice(name.length + 1, -1), value]] : [];
  });
  return pairs.length === 0 ? {} : { [name]: Object.fromEntries(pairs) };
}

/**
 * `include[]`, also percent-encoded, indexed, repeated, or without brackets. The official clients encode the brackets of the
 * name and of the value; others leave one or both raw. Repeats are dropped.
 */
function listed(fields: Record<string, unknown>, list: string): unknown[] {
  const values = Object.entries(fields)
    .filter(([name]) => decoded(name).replace(/\[\d*\]$/, '') === list)
    .flatMap(([, value]) => value);
  return [...new Set(values.map((value) => (typeof value === 'string' ? decoded(value) : value)))];
}

/** Only what looks like a number becomes one; the rest stays a string for the schema to refuse. */
export function asNumber(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,20}(\.\d{1,20})?$/.test(value)
    ? Number(value)
    : value;
}

/** Name to value, or values when repeated. */
function queryFields(query: unknown): Record<string, unknown> {
  if (typeof query === 'string' || query instanceof URLSearchParams) {
    const search = new URLSearchParams(query);
    const fields = [...new Set(search.keys())].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    });
    return Object.fromEntries(fields) as Record<string, unknown>;
  }
  return typeof query === 'object' && query !== null ? { ...query } : {};
}

/** An empty value counts as not given, except of `dry_run`: a request with a bare `?dry_run` must change nothing. */
function withoutEmpty(fields: Record<string, unknown>): Record<string, unknown> {
  const given = Object.entries(fields).filter(
    ([name, value]) => value !== undefined && (value !== '' || name === 'dry_run'),
  );
  return Object.fromEntries(given);
}

function decoded(value: string): string {
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return value;
  }
}
