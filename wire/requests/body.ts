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
 * the escaped form). Throws ApiError 400 for U+0000, `__proto__`, too deep nesting and too many values.
 */
function storable(body: unknown): unknown {
  const budget = { left: MAX_BODY_VALUES };
  switch (inspect(body, 0, budget)) {
    case 'fine':
      return body;
    case 'ill-formed':
      return repaired(body);
    case 'refused':
      throw (budget.left < 0 ? undefined : refusal(body, [])) ?? tooManyValues();
  }
}

type Verdict = 'fine' | 'ill-formed' | 'refused';

/** The common path: no allocation, and a string costs one scan of its bytes. */
function inspect(value: unknown, depth: number, budget: { left: number }): Verdict {
  budget.left -= 1;
  if (budget.left < 0) {
    return 'refused';
  }
  if (typeof value === 'string') {
    return inspectText(value);
  }
  if (typeof value !== 'object' || value === null) {
    return 'fine';
  }
  if (depth === MAX_BODY_DEPTH) {
    return 'refused';
  }
  let verdict: Verdict = 'fine';
  if (Array.isArray(value)) {
    for (const item of value) {
      const found = inspect(item, depth + 1, budget);
      if (found === 'refused') {
        return found;
      }
      verdict = found === 'fine' ? verdict : found;
    }
    return verdict;
  }
  for (const key of Object.keys(value)) {
    const inKey = key === '__proto__' ? 'refused' : inspectText(key);
    const inValue = inspect((value as Record<string, unknown>)[key], depth + 1, budget);
    if (inKey === 'refused' || inValue === 'refused') {
      return 'refused';
    }
    verdict = inKey === 'fine' && inValue === 'fine' ? verdict : 'ill-formed';
  }
  return verdict;
}

function inspectText(text: string): Verdict {
  if (text.includes('\0')) {
    return 'refused';
  }
  return text.isWellFormed() ? 'fine' : 'ill-formed';
}

/** Walks again to name the field. Undefined when nothing below `value` is refused. */
function refusal(value: unknown, path: readonly PropertyKey[]): ApiError | undefined {
  if (typeof value === 'string') {
    return value.includes('\0') ? nulCharacter(path) : undefined;
  }
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  if (path.length === MAX_BODY_DEPTH) {
    return invalidRequest(
      `Invalid request body: arrays and objects are nested more than ${MAX_BODY_DEPTH} levels deep.`,
      { code: 'invalid_value' },
    );
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') {
      return unknownParameter([...path, key]);
    }
    if (key.includes('\0')) {
      return nulCharacter(path);
    }
    const step = Array.isArray(value) ? Number(key) : key;
    const found = refusal((value as Record<string, unknown>)[key], [...path, step]);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function tooManyValues(): ApiError {
  return invalidRequest(
    `Invalid request body: more than ${MAX_BODY_VALUES} strings, numbers, arrays and objects.`,
    { code: 'invalid_value' },
  );
}

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
