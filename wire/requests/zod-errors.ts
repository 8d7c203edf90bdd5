/**
 * The one place that turns zod's issues into the hosted service's error texts. Of several issues the shallowest wins, then the
 * one zod reported first (the order of the schema's fields; unknown fields last), so the same body always gets the same answer.
 *
 * Two conventions let a schema say what an issue alone cannot: a message that begins with `expected ` replaces the noun of a
 * wrong-type error, and the message `decimal` on a bound makes it a decimal's. A `custom` issue brings its text in `params`.
 */
import type { z } from 'zod';
import { invalidRequest } from '../errors/errors.ts';
import type { ApiError } from '../errors/errors.ts';
import { countCharacters } from '../text.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];
type Found = { path: Path; issue: Issue };

/** What a `custom` issue carries: `{param}` in `text` stands for the name of the field. */
export type CustomProblem = { code: string; text: string };

/** Longest piece of a client's own text repeated in an error, in characters. */
const ECHO_LENGTH = 100;

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a string',
  int: 'an integer',
  number: 'a decimal',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};

/** The 400 for a body or query that a schema refused. `input` is what was parsed: issues name paths, not values. */
export function apiErrorFromIssues(issues: readonly Issue[], input: unknown): ApiError {
  let first: Found | undefined;
  for (const issue of issues) {
    for (const found of leaves(issue, [], input)) {
      if (first === undefined || rank(found) < rank(first)) first = found;
    }
  }
  if (first === undefined) return invalidRequest('Invalid request.', { code: 'invalid_value' });
  return toApiError(first, valueAt(input, first.path));
}

/** `['tools', 0, 'function', 'name']` becomes `tools[0].function.name`, the form of `param` and of every message. */
export function paramOf(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') {
      text += `[${key}]`;
    } else {
      text += text === '' ? cut(String(key)) : `.${cut(String(key))}`;
    }
  }
  return text;
}

/** Depth first; zod's own safe-integer bound only when nothing else is wrong there. */
function rank({ path, issue }: Found): number {
  const depth = path.length + (issue.code === 'unrecognized_keys' ? 1 : 0);
  return depth * 2 + ('origin' in issue && issue.origin === 'int' ? 1 : 0);
}

/** A plain union's issue holds one list per alternative: only the alternative that the client meant is worth reporting. */
function* leaves(issue: Issue, prefix: Path, input: unknown): Generator<Found> {
  const path = [...prefix, ...issue.path];
  if (issue.code !== 'invalid_union' || issue.discriminator !== undefined) {
    yield { path, issue };
    return;
  }
  const meant = issue.errors.find((branch) => !branch.some((one) => isWrongKind(one, path, input)));
  if (meant === undefined) {
    yield { path, issue };
    return;
  }
  for (const inner of meant) {
    yield* leaves(inner, path, input);
  }
}

/** Whether an alternative failed because the value is of another JSON type altogether. */
function isWrongKind(issue: Issue, path: Path, input: unknown): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_value') return typeof valueAt(input, path) !== 'string';
  return issue.code === 'invalid_type';
}

function toApiError({ path, issue }: Found, value: unknown): ApiError {
  const param = paramOf(path);
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(param, value, expectation(issue.message, NOUNS[issue.expected]));
    case 'invalid_value':
      return wrongChoice(param, value, issue.values);
    case 'invalid_union':
      return issue.discriminator === undefined
        ? wrongType(param, value, expectation(issue.message, 'another type'))
        : wrongChoice(param, value, 'options' in issue ? (issue.options ?? []) : []);
    case 'unrecognized_keys':
      return unknownParameter([...path, issue.keys[0] ?? '']);
    case 'too_big':
      return aboveMaximum(param, value, issue);
    case 'too_small':
      return belowMinimum(param, value, issue);
    case 'invalid_format':
      return patternMismatch(param, issue.pattern ?? '');
    case 'custom':
      return customProblem(param, issue.params);
    default:
      return invalidRequest(`Invalid '${param}'.`, { code: 'invalid_value', param });
  }
}

const invalid = (param: string, code: string, text: string): ApiError =>
  invalidRequest(`Invalid '${param}': ${text}`, { code, param });

function wrongType(param: string, value: unknown, expected: string): ApiError {
  const got = nounOf(value);
  if (param === '') {
    return invalidRequest(`Invalid request body: expected a JSON object, but got ${got} instead.`, {
      code: 'invalid_type',
    });
  }
  if (value === undefined) {
    const code = 'missing_required_parameter';
    return invalidRequest(`Missing required parameter: '${param}'.`, { code, param });
  }
  const text = `Invalid type for '${param}': ${expected}, but got ${got} instead.`;
  return invalidRequest(text, { code: 'invalid_type', param });
}

function wrongChoice(param: string, value: unknown, options: readonly unknown[]): ApiError {
  const quoted = options.map((option) => `'${String(option)}'`);
  if (typeof value !== 'string') {
    const choices = quoted.length === 1 ? quoted.join('') : `one of ${series(quoted, 'or')}`;
    return wrongType(param, value, `expected ${choices}`);
  }
  const text = `Invalid value: '${cut(value)}'. Supported values are: ${series(quoted, 'and')}.`;
  return invalidRequest(text, { code: 'invalid_value', param });
}

/** 400 for a field the endpoint does not have; `path` is the full path of the unknown key. */
export function unknownParameter(path: Path): ApiError {
  const param = paramOf(path);
  return invalidRequest(`Unknown parameter: '${param}'.`, { code: 'unknown_parameter', param });
}

/** Of a string or an array, with its length in characters or elements. A number of a query is a string before it is read. */
function lengthOf(
  value: unknown,
  origin: string,
): { noun: string; one: string; length: number } | undefined {
  if (typeof value === 'string' && origin === 'string') {
    return { noun: 'string', one: 'a string', length: countCharacters(value) };
  }
  return Array.isArray(value)
    ? { noun: 'array', one: 'an array', length: value.length }
    : undefined;
}

function aboveMaximum(
  param: string,
  value: unknown,
  { origin, maximum, message }: z.core.$ZodIssueTooBig,
): ApiError {
  const sized = lengthOf(value, origin);
  if (sized === undefined) {
    const kind = numberKind(origin, message);
    const text = `${kind} above maximum value. Expected a value <= ${maximum}, but got ${String(value)} instead.`;
    return invalid(param, `${kind}_above_max_value`, text);
  }
  const { noun, one, length } = sized;
  const text =
    `${noun} too long. Expected ${one} with maximum length ${maximum}, ` +
    `but got ${one} with length ${length} instead.`;
  return invalid(param, `${noun}_above_max_length`, text);
}

function belowMinimum(
  param: string,
  value: unknown,
  { origin, minimum, message, inclusive = true }: z.core.$ZodIssueTooSmall,
): ApiError {
  const sized = lengthOf(value, origin);
  if (sized === undefined) {
    const kind = numberKind(origin, message);
    const text = `${kind} below minimum value. Expected a value ${inclusive ? '>=' : '>'} ${minimum}, but got ${String(value)} instead.`;
    return invalid(param, `${kind}_below_min_value`, text);
  }
  const { noun, one, length } = sized;
  const [problem, got, code] =
    length === 0
      ? [`empty ${noun}`, `an empty ${noun}`, `empty_${noun}`]
      : [`${noun} too short`, `${one} with length ${length}`, `${noun}_below_min_length`];
  const text = `${problem}. Expected ${one} with minimum length ${minimum}, but got ${got} instead.`;
  return invalid(param, code, text);
}

function patternMismatch(param: string, pattern: string): ApiError {
  const source = pattern.replace(/^\/(.*)\/\w*$/s, '$1');
  const expected = `Expected a string that matches the pattern '${source}'.`;
  return invalid(param, 'invalid_value', `string does not match pattern. ${expected}`);
}

function customProblem(param: string, params: Record<string, unknown> | undefined): ApiError {
  const { code, text } = params as CustomProblem;
  return invalidRequest(
    text.replace('{param}', () => param),
    { code, param },
  );
}

function expectation(message: string, noun: string | undefined): string {
  return message.startsWith('expected ') ? message : `expected ${noun ?? 'another type'}`;
}

function numberKind(origin: string, message: string): 'integer' | 'decimal' {
  return origin === 'number' && message === 'decimal' ? 'decimal' : 'integer';
}

/** What a value is, in the words of the hosted service. */
function nounOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number';
  return NOUNS[typeof value] ?? 'nothing';
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** `'a', 'b', and 'c'`; `'a' and 'b'`; `'a'`. */
function series(items: readonly string[], word: 'and' | 'or'): string {
  const last = items.at(-1) ?? '';
  if (items.length <= 2) return items.join(` ${word} `);
  return `${items.slice(0, -1).join(', ')}, ${word} ${last}`;
}

function cut(text: string): string {
  return text.length <= ECHO_LENGTH ? text : `${text.slice(0, ECHO_LENGTH)}...`;
}
