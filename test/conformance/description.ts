/** The published description of the API: its operations, and the schemas of what they take and answer. */
import { readFileSync } from 'node:fs';

import type { Published } from './published.ts';
import { STREAM_DEFINITIONS } from './stream-events.ts';

export type Parameter = {
  name: string;
  in: 'path' | 'query';
  required?: true;
  schema: Published;
};

export type Operation = {
  id: string;
  method: 'GET' | 'POST' | 'DELETE';
  /** Without `/v1`, with `{name}` for what varies. */
  path: string;
  parameters: readonly Parameter[];
  request?: { contentType: string; required?: true; schema: Published };
  answer: { contentType: string; schema: Published };
};

type Description = {
  operations: Record<string, Omit<Operation, 'id' | 'parameters'> & Partial<Operation>>;
  $defs: Record<string, Published>;
};

const FILE = new URL('../fixtures/published-description.json', import.meta.url);
const description = JSON.parse(readFileSync(FILE, 'utf8')) as Description;

export const DEFINITIONS: Readonly<Record<string, Published>> = {
  ...description.$defs,
  ...STREAM_DEFINITIONS,
};

export const OPERATIONS: readonly Operation[] = Object.entries(description.operations).map(
  ([id, operation]) => ({ parameters: [], ...operation, id }),
);

/** `#/$defs/Name` → `Name`. */
export const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

/** The schema itself, or the one it refers to. */
export function resolve(schema: Published): Published {
  return schema.$ref === undefined ? schema : DEFINITIONS[nameOf(schema.$ref)]!;
}

/** Paths without parameters come first: `/threads/runs` is not a thread. */
const routes = OPERATIONS.map((operation) => ({
  operation,
  pattern: new RegExp(`^/v1${operation.path.replace(/\{\w+\}/g, '[^/]+')}$`),
})).sort((a, b) => a.operation.path.split('{').length - b.operation.path.split('{').length);

export function operationOf(method: string, pathname: string): Operation | undefined {
  return routes.find(
    ({ operation, pattern }) => operation.method === method && pattern.test(pathname),
  )?.operation;
}
