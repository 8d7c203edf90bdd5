/**
 * unknown in, typed out, or an ApiError. Before a schema sees a body, the body is checked for what no field may hold: U+0000
 * (Postgres cannot store it), the key `__proto__`, and more nesting or more values than a real request has (a schema reports
 * every wrong value, so it would cost a gigabyte to refuse a body of a million wrong values).
 */
import type { z } from 'zod';
import { invalidRequest } from '../errors/errors.ts';
import { LIMITS } from './limits.ts';
import type { ApiError } from '../errors/errors.ts';
import { apiErrorFromIssues, paramOf, unknownParameter } from './zod-errors.ts';

/** Deepest nesting of arrays and objects accepted in a body. Our decision: twice what a large function schema needs. */
export const MAX_BODY_DEPTH = 64;

/** Most strings, numbers, arrays, objects and so on accepted in one body. Our decision. */
export const MAX_BODY_VALUES = 100_000;

/** An absent body counts as `{}`: a client may send none to an operation without required fields. @throws ApiError 400 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  return parseValue(schema, storable(body === undefined ? {} : body));
}

/** Elements of a list that are checked at once. */
const PART = 500;

/**
 * As `parseBody`, with pauses: a body of ten megabytes takes tens of milliseconds in each step. Of a list of thousands parts
 * are checked first, so that the first wrong element ends it: a schema would report those of the whole list.
 * @throws ApiError 400
 */
export async function parseLargeBody<T>(
  schema: z.ZodType<T>,
  body: unknown,
  pause: () => Promise<unknown>,
): Promise<T> {
  const checked = storable(body === undefined ? {} : body);
  for (const list of longLists(checked)) {
    for (let start = 0; start < list.items.length; start += PART) {
      await pause();
      const items = list.items.slice(start, start + PART);
      const { error } = schema.safeParse(withList(checked, list.path, items));
      if (error === undefined) continue;
      const issues = error.issues.map((one) => ({ ...one, path: shifted(one.path, list, start) }));
      throw apiErrorFromIssues(issues, checked);
    }
  }
  await pause();
  return parseValue(schema, checked);
}

type LongList = { path: readonly string[]; items: unknown[] };

/** Those of the body and of the objects in it. A list that is longer than any field may be is refused at once. */
function longLists(value: unknown, path: readonly string[] = []): LongList[] {
  if (Array.isArray(value)) {
    return value.length > PART && value.length <= LIMITS.messages ? [{ path, items: value }] : [];
  }
  if (typeof value !== 'object' || value === null || path.length > 1) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' ? longLists(inner, [...path, key]) : [],
  );
}

/** The body with another list at the path. */
function withList(body: unknown, [key, ...rest]: readonly string[], items: unknown[]): unknown {
  if (key === undefined) return items;
  const object = body as Record<string, unknown>;
  return { ...object, [key]: withList(object[key], rest, items) };
}

/** The path of an issue whose element was counted from `start`. */
function shifted(path: PropertyKey[], list: LongList, start: number): PropertyKey[] {
  const place = list.path.length;
  const at = path[place];
  const isElement = typeof at === 'number' && list.path.every((key, depth) => path[depth] === key);
  return isElement ? path.with(place, at + start) : path;
}

/** For a value that is storable already, such as the fields of a query string. @throws ApiError 400 */
export function parseValue<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (!result.success) throw apiErrorFromIssues(result.error.issues, input);
  return result.data;
}

/**
 * Returns the body itself, or a copy in which lone surrogates are U+FFFD (what any UTF-8 writer would send; Postgres refuses
 * the escaped form). @throws ApiError 400 for U+0000, `__proto__`, too deep nesting and too many values
 */
function storable(body: unknown): unknown {
  const walk: Walk = { left: MAX_BODY_VALUES, path: [], wellFormed: true };
  const problem = problemOf(body, walk);
  if (problem !== undefined) throw problem;
  return walk.wellFormed ? body : repaired(body);
}

/** `path` leads to the value that is looked at. */
type Walk = { left: number; path: PropertyKey[]; wellFormed: boolean };

/** Depth first. A body without a problem costs one scan of its texts. */
function problemOf(value: unknown, walk: Walk): ApiError | undefined {
  walk.left -= 1;
  if (walk.left < 0) return tooManyValues();
  if (typeof value === 'string') return problemOfText(value, walk);
  if (typeof value !== 'object' || value === null) return undefined;
  if (walk.path.length === MAX_BODY_DEPTH) return tooDeep();
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) {
      const found = problemBelow(at, value[at], walk);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return unknownParameter([...walk.path, key]);
    const inner = (value as Record<string, unknown>)[key];
    const found = problemOfText(key, walk) ?? problemBelow(key, inner, walk);
    if (found !== undefined) return found;
  }
  return undefined;
}

function problemBelow(key: PropertyKey, value: unknown, walk: Walk): ApiError | undefined {
  walk.path.push(key);
  const found = problemOf(value, walk);
  walk.path.pop();
  return found;
}

function problemOfText(text: string, walk: Walk): ApiError | undefined {
  if (text.includes('\0')) return nulCharacter(walk.path);
  walk.wellFormed &&= text.isWellFormed();
  return undefined;
}

export const tooDeep = (): ApiError =>
  invalidRequest(
    `Invalid request body: arrays and objects are nested more than ${MAX_BODY_DEPTH} levels deep.`,
    { code: 'invalid_value' },
  );

export const tooManyValues = (): ApiError =>
  invalidRequest(
    `Invalid request body: more than ${MAX_BODY_VALUES} strings, numbers, arrays and objects.`,
    { code: 'invalid_value' },
  );

function nulCharacter(path: readonly PropertyKey[]): ApiError {
  const param = path.length === 0 ? null : paramOf(path);
  const where = param === null ? 'Invalid request body' : `Invalid '${param}'`;
  return invalidRequest(`${where}: the character U+0000 cannot be stored.`, {
    code: 'invalid_value',
    param,
  });
}

function repaired(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(repaired);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toWellFormed(), repaired(inner)]),
  );
}
