/**
 * Query strings. Every parser takes what a server has at hand: an object of strings and arrays (Express), URLSearchParams, or
 * the raw string. Unlike in bodies, unknown names are ignored: gateways and SDKs add their own, such as `api-version`.
 */
import { z } from 'zod';
import type { RunId } from '../ids.ts';
import { checkId } from '../ids.ts';
import { parseValue } from './body.ts';
import { EXTENSION, integer, LIMITS, list } from './fields.ts';

const cursor = z
  .string()
  .min(1)
  .max(LIMITS.fileId)
  .regex(/^[a-zA-Z0-9_-]+$/)
  .optional();
const order = z.enum(['asc', 'desc']).default('desc');

const listSchema = z.object({
  limit: integer(1, 100).default(20),
  order,
  after: cursor,
  before: cursor,
});

const listMessagesSchema = listSchema.extend({ run_id: z.string().optional() });

const listStoreFilesSchema = listSchema.extend({
  filter: z.enum(['in_progress', 'completed', 'failed', 'cancelled']).optional(),
});

/** `before` is not offered, as hosted. */
const listFilesSchema = z.object({
  limit: integer(1, LIMITS.filesPage).default(LIMITS.filesPage),
  order,
  after: cursor,
  purpose: z
    .string()
    .max(LIMITS.fileId)
    .regex(/^[a-zA-Z0-9_-]+$/)
    .optional(),
});

/** There is one thing to include. */
const includeSchema = z.object({
  include: list(
    z.literal('step_details.tool_calls[*].file_search.results[*].content'),
    'strings',
    100,
  ).default([]),
});

/** Our extension: `starting_after` is the sequence number of the last event seen; undefined for all of them. */
const eventsSchema = z.object({
  starting_after: integer(0, LIMITS.maxInteger).optional(),
});

/** What a list shows: at most `limit` objects after or before the one named, newest first unless `asc`. */
export type ListParams = z.infer<typeof listSchema>;
export type ListMessagesParams = ListParams & { run_id: RunId | undefined };
type ListVectorStoreFilesParams = z.infer<typeof listStoreFilesSchema>;
export type ListFilesParams = z.infer<typeof listFilesSchema>;
export type IncludeParams = z.infer<typeof includeSchema>;
export type EventsParams = z.infer<typeof eventsSchema>;

export function parseListQuery(query: unknown): ListParams {
  return parseQuery(listSchema, query);
}

/** Throws `illFormedId` for a `run_id` that cannot be a run's. */
export function parseListMessagesQuery(query: unknown): ListMessagesParams {
  const { run_id, ...page } = parseQuery(listMessagesSchema, query);
  return { ...page, run_id: run_id === undefined ? undefined : checkId('run_id', run_id) };
}

/** `filter`: only files in that state. */
function parseListVectorStoreFilesQuery(query: unknown): ListVectorStoreFilesParams {
  return parseQuery(listStoreFilesSchema, query);
}

/** Any purpose can be asked for; files of an unknown one there are none. */
export function parseListFilesQuery(query: unknown): ListFilesParams {
  return parseQuery(listFilesSchema, query);
}

/**
 * `include[]`, also percent-encoded, indexed, repeated, or without brackets. The official clients encode the brackets of the
 * name and of the value; others leave one or both raw. Repeats are dropped.
 */
export function parseIncludeQuery(query: unknown): IncludeParams {
  const include: unknown[] = [];
  for (const [name, value] of Object.entries(queryFields(query))) {
    if (/^include(\[\d*\])?$/.test(decoded(name))) {
      include.push(...(Array.isArray(value) ? value : [value]));
    }
  }
  const given = include.map((value) => (typeof value === 'string' ? decoded(value) : value));
  return { include: [...new Set(parseValue(includeSchema, { include: given }).include)] };
}

export function parseEventsQuery(query: unknown): EventsParams {
  return parseQuery(eventsSchema, query);
}

/** What operations take in their query. */
export const listQuery = { schema: listSchema, parse: parseListQuery };
export const listMessagesQuery = { schema: listMessagesSchema, parse: parseListMessagesQuery };
export const listFilesQuery = { schema: listFilesSchema, parse: parseListFilesQuery };
export const listStoreFilesQuery = {
  schema: listStoreFilesSchema,
  parse: parseListVectorStoreFilesQuery,
};
export const includeQuery = { schema: includeSchema, parse: parseIncludeQuery };
/** Where it is not published. */
export const extraIncludeQuery = {
  schema: z.object({ include: includeSchema.shape.include.meta(EXTENSION) }),
  parse: parseIncludeQuery,
};
export const listStepsQuery = {
  schema: listSchema.extend(includeSchema.shape),
  parse: (query: unknown) => ({ ...parseIncludeQuery(query), ...parseListQuery(query) }),
};
export const eventsQuery = {
  schema: eventsSchema.extend(includeSchema.shape),
  parse: (query: unknown) => ({ ...parseIncludeQuery(query), ...parseEventsQuery(query) }),
};

function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  const { limit, starting_after, ...rest } = queryFields(query);
  const numbers = { limit: asNumber(limit), starting_after: asNumber(starting_after) };
  return parseValue(schema, { ...rest, ...numbers });
}

/** Only what looks like a number becomes one; the rest stays a string for the schema to refuse. */
function asNumber(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,20}(\.\d{1,20})?$/.test(value)
    ? Number(value)
    : value;
}

/** Name to value, or values when repeated. An empty value counts as not given. */
function queryFields(query: unknown): Record<string, unknown> {
  if (typeof query === 'string' || query instanceof URLSearchParams) {
    const search = new URLSearchParams(query);
    const fields = [...new Set(search.keys())].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    });
    return withoutEmpty(fields);
  }
  return typeof query === 'object' && query !== null ? withoutEmpty(Object.entries(query)) : {};
}

function withoutEmpty(fields: unknown[][]): Record<string, unknown> {
  return Object.fromEntries(fields.filter(([, value]) => value !== '' && value !== undefined));
}

function decoded(value: string): string {
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return value;
  }
}
