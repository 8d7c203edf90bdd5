/**
 * unknown in, typed out, or an ApiError. Before a schema sees a body, the body is checked for what no field may hold: U+0000
 * (Postgres cannot store it), the key `__proto__`, and more nesting or more values than a real request has (a schema reports
 * every wrong value, so it would cost a gigabyte to refuse a body of a million wrong values).
 */
import type { z } from 'zod';
import { invalidRequest } from '../errors.ts';
import type { ApiError } from '../errors.ts';
import { apiErrorFromIssues, paramOf, unknownParameter } from './zod-errors.ts';

/** Deepest nesting of arrays and objects accepted in a body. Our decision: twice what a large function schema needs. */
export const MAX_BODY_DEPTH = 64;

/** Most strings, numbers, arrays, objects and so on accepted in one body. Our decision. */
const MAX_BODY_VALUES = 100_000;

/** An absent body counts as `{}`: a client may send none to an operation without required fields. @throws ApiError 400 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  return parseValue(schema, storable(body === undefined ? {} : body));
}

/** For a value that is storable already, such as the fields of a query string. @throws ApiError 400 */
export function parseValue<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (!result.success) {
    throw apiErrorFromIssues(result.error.issues, input);
  }
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

const tooDeep = (): ApiError =>
  invalidRequest(
    `Invalid request body: arrays and objects are nested more than ${MAX_BODY_DEPTH} levels deep.`,
    { code: 'invalid_value' },
  );

const tooManyValues = (): ApiError =>
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
  if (typeof value === 'string') {
    return value.toWellFormed();
  }
  if (Array.isArray(value)) {
    return value.map(repaired);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toWellFormed(), repaired(inner)]),
  );
}
