/** Command lines for operations, by the description that the server gives of itself. */
import { parseArgs } from 'node:util';

import { StartError } from '../serve/start-error.ts';
import type { Command } from './commands.ts';

type Schema = {
  type?: string;
  enum?: string[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
};
type Field = { name: string; in: 'query' | 'body'; schema: Schema };
export type Operation = { method: string; path: string; ids: string[]; fields: Field[] };

type Described = {
  operationId: string;
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
};
export type Description = { paths: Record<string, Record<string, Described>> };

export type Request = {
  method: string;
  path: string;
  query: Record<string, unknown>;
  body: Record<string, unknown>;
};

export function findOperation({ paths }: Description, id: string): Operation {
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { operationId, parameters = [], requestBody }] of Object.entries(methods)) {
      if (operationId !== id) continue;
      const body = requestBody?.content['application/json']?.schema.properties ?? {};
      const asked = parameters.filter((one) => one.in === 'query');
      const fields: Field[] = [
        ...asked.map(({ name, schema }) => ({
          name: name.replace('[]', ''),
          in: 'query' as const,
          schema,
        })),
        ...Object.entries(body).map(([name, schema]) => ({ name, in: 'body' as const, schema })),
      ];
      return {
        method,
        path,
        ids: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!),
        fields,
      };
    }
  }
  throw new StartError(`The server has no operation ${id}: it may be of another version.`);
}

const OWN = {
  json: { type: 'boolean' },
  'data-dir': { type: 'string' },
  help: { type: 'boolean' },
} as const;
const optionOf = (name: string) => name.replaceAll('_', '-');
const typesOf = ({ type, anyOf = [] }: Schema) => [type, ...anyOf.map((one) => one.type)];
const isFlag = (schema: Schema) => schema.type === 'boolean' || schema.enum?.includes('false');

/** `projects limits <project_id> [<limits>=<value> …]`, and the options. */
export function usageOf(name: string, { ids, fields }: Operation, { pairs }: Command): string {
  const words = [...ids.map((id) => `<${id}>`), ...(pairs ? [`[<name>=<value> …]`] : [])];
  const options = fields
    .filter((field) => field.name !== pairs)
    .map(
      ({ name: field, schema }) => `  --${optionOf(field)}${isFlag(schema) ? '' : ` <${field}>`}`,
    );
  return [`npm run admin -- ${[name, ...words].join(' ')}`, ...options, '  --json'].join('\n');
}

/** @throws StartError for arguments that the operation does not take */
export function readRequest(args: string[], operation: Operation, { pairs }: Command): Request {
  const { method, ids, fields } = operation;
  const asked = fields.map(({ name, schema }) => [
    optionOf(name),
    { type: isFlag(schema) ? 'boolean' : 'string', multiple: typesOf(schema).includes('object') },
  ]);
  const options = { ...OWN, ...(Object.fromEntries(asked) as Record<string, { type: 'string' }>) };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const given = positionals.slice(0, ids.length);
  const rest = positionals.slice(ids.length);
  if (given.length < ids.length || (rest.length > 0 && pairs === undefined)) {
    throw new StartError(`Expected ${ids.map((id) => `<${id}>`).join(' ') || 'no more words'}.`);
  }
  const path = ids.reduce(
    (text, id, at) => text.replace(`{${id}}`, encodeURIComponent(given[at]!)),
    operation.path,
  );
  const request: Request = { method, path, query: {}, body: {} };
  for (const { name, in: place, schema } of fields) {
    const value: unknown = (values as Record<string, unknown>)[optionOf(name)];
    if (value !== undefined) request[place][name] = valueOf(name, value, schema);
    if (name === pairs) request[place][name] = pairsOf(rest);
  }
  return request;
}

function valueOf(name: string, value: unknown, schema: Schema): unknown {
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return Object.fromEntries(value.map((pair: string) => splitPair(pair)));
  const text = value as string;
  const types = typesOf(schema);
  if (types.includes('array')) return text.split(',').map((part) => part.trim());
  return types.includes('integer') || types.includes('number') ? numberOf(name, text) : text;
}

/** `default` is null: the server's default holds again. */
function pairsOf(words: string[]): Record<string, number | null> {
  const pairs = words.map(splitPair);
  return Object.fromEntries(
    pairs.map(([name, text]) => [name, text === 'default' ? null : numberOf(name, text)]),
  );
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new StartError(`Expected <name>=<value> in place of '${pair}'.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

const UNITS = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Of a time such as `90d`. */
export function secondsIn(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** A number, a time, or a date: seconds. @throws StartError */
function numberOf(name: string, text: string): number {
  const seconds = secondsIn(text);
  if (seconds !== undefined) return seconds;
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) / 1_000 : Number(text || NaN);
  if (Number.isFinite(date)) return date;
  throw new StartError(
    `${name} must be a number, a time such as 12h or 90d, or a date such as 2026-01-31.`,
  );
}

/** The moment of a date, or of a time ago. A plain number is refused: `90`, meant as days, would be seconds. @throws StartError */
export function momentOf(name: string, text: string): number {
  const seconds = /^\d{1,6}[smhd]$|^\d{4}-\d\d-\d\d/.test(text) ? numberOf(name, text) : NaN;
  if (Number.isNaN(seconds)) {
    throw new StartError(
      `${name} must be a time such as 12h or 90d, or a date such as 2026-01-31.`,
    );
  }
  return Math.floor(text.includes('-') ? seconds : Date.now() / 1_000 - seconds);
}
