/**
 * Query strings. Every parser takes what a server has at hand: an object of strings and arrays (Express), URLSearchParams, or
 * the raw string. Unlike in bodies, unknown names are ignored: gateways and SDKs add their own, such as `api-version`.
 */
import { z } from 'zod';
import { checkId } from './ids.ts';
import { parseValue } from './request-body.ts';
import { integer, LIMITS, list } from './request-fields.ts';
import type { VectorStoreFileStatus } from './types.ts';

/** What a list shows: at most `limit` objects after or before the one named, newest first unless `asc`. */
export type ListParams = {
  limit: number;
  order: 'asc' | 'desc';
  after: string | undefined;
  before: string | undefined;
};

export type ListMessagesParams = ListParams & { run_id: string | undefined };

/** The only thing there is to include. */
export type StepInclude = 'step_details.tool_calls[*].file_search.results[*].content';

export type ListVectorStoreFilesParams = ListParams & { filter: VectorStoreFileStatus | undefined };

/** `before` is not offered, as hosted. */
export type ListFilesParams = Omit<ListParams, 'before'> & { purpose: string | undefined };

export type IncludeParams = { include: StepInclude[] };

/** Our extension: `starting_after` is the sequence number of the last event seen; undefined for all of them. */
export type EventsParams = { starting_after: number | undefined };

export type ListQueryOptions = { maxLimit?: number; defaultLimit?: number };

const cursor = z
  .string()
  .min(1)
  .max(LIMITS.fileId)
  .regex(/^[a-zA-Z0-9_-]+$/)
  .optional();
const schemas = new Map<number, ReturnType<typeof listSchema>>();

function listSchema(maxLimit: number) {
  return z.object({
    limit: integer(1, maxLimit).optional(),
    order: z.enum(['asc', 'desc']).optional(),
    after: cursor,
    before: cursor,
    run_id: z.string().optional(),
    filter: z.enum(['in_progress', 'completed', 'failed', 'cancelled']).optional(),
    purpose: z
      .string()
      .max(LIMITS.fileId)
      .regex(/^[a-zA-Z0-9_-]+$/)
      .optional(),
  });
}

const includeSchema = z.object({
  include: list(
    z.literal('step_details.tool_calls[*].file_search.results[*].content'),
    'strings',
    100,
  ),
});

const eventsSchema = z.object({ starting_after: integer(0, LIMITS.maxInteger).optional() });

/** Defaults: `limit` 20 of at most 100, `order` desc. Files pass 10000 for both limits. */
export function parseListQuery(query: unknown, options: ListQueryOptions = {}): ListParams {
  const { limit, order, after, before } = readList(query, options.maxLimit ?? 100);
  return {
    limit: limit ?? options.defaultLimit ?? 20,
    order: order ?? 'desc',
    after,
    before,
  };
}

/** As `parseListQuery`, plus `run_id`; throws `illFormedId` for one that cannot be a run's. */
export function parseListMessagesQuery(query: unknown): ListMessagesParams {
  const { run_id } = readList(query, 100);
  return {
    ...parseListQuery(query),
    run_id: run_id === undefined ? undefined : checkId('run_id', run_id),
  };
}

/** As `parseListQuery`, plus `filter`: only files in that state. */
export function parseListVectorStoreFilesQuery(query: unknown): ListVectorStoreFilesParams {
  return { ...parseListQuery(query), filter: readList(query, 100).filter };
}

/** Any purpose can be asked for; files of an unknown one there are none. */
export function parseListFilesQuery(query: unknown): ListFilesParams {
  const { limit, order, after, purpose } = readList(query, LIMITS.filesPage);
  return { limit: limit ?? LIMITS.filesPage, order: order ?? 'desc', after, purpose };
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
  const { starting_after } = queryFields(query);
  const given = parseValue(eventsSchema, { starting_after: asNumber(starting_after) });
  return { starting_after: given.starting_after };
}

function readList(query: unknown, maxLimit: number) {
  let schema = schemas.get(maxLimit);
  if (schema === undefined) {
    schema = listSchema(maxLimit);
    schemas.set(maxLimit, schema);
  }
  const { limit, ...rest } = queryFields(query);
  return parseValue(schema, { ...rest, limit: asNumber(limit) });
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
