/** Fuzzed requests as they are sent, with the ids of the objects that they are about. */
import { form } from '../../support/forms.ts';
import { placeOf } from './objects.ts';
import type { Objects } from './objects.ts';
import type { FuzzedBody, FuzzedRequest } from './requests.ts';
import type { Id } from './values.ts';

export type Sent = {
  path: string;
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
};

export function toSent(fuzzed: FuzzedRequest, objects: Objects): Sent {
  const { operation, query, headers } = fuzzed;
  const nth = placeOf(operation.id, fuzzed.nth);
  const idOf = (id: Id | string) => (typeof id === 'string' ? id : nthOf(objects, id, nth));
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(idOf(fuzzed.path[name]!).toWellFormed()),
  );
  const pairs = query.map(([name, value]): [string, string] => [name, idOf(value)]);
  const { method } = operation;
  const sent = method === 'GET' ? { headers: {} } : bodyOf(fuzzed.body, idOf);
  return {
    path: `/v1${path}?${new URLSearchParams(pairs).toString()}`,
    ...sent,
    method,
    headers: { ...sent.headers, ...headers },
  };
}

function bodyOf(body: FuzzedBody, idOf: (id: Id) => string) {
  if ('parts' in body) {
    const whole = form(...body.parts);
    return { ...whole, body: whole.body.subarray(0, whole.body.length - body.cut) };
  }
  const replace = (_: string, value: unknown) => (isId(value) ? idOf(value) : value);
  const text = 'raw' in body ? body.raw : JSON.stringify(body.json, replace);
  return { headers: { 'content-type': 'application/json' }, body: text };
}

/** One that was changed within is none. */
function isId(value: unknown): value is Id {
  const { id, shift } = (value ?? {}) as Partial<Id>;
  return typeof id === 'string' && typeof shift === 'number';
}

function nthOf(objects: Objects, { id, shift }: Id, nth: number): string {
  const known = objects[id] ?? ['none'];
  return known[(nth + shift) % known.length]!;
}

/** One line that a person can repeat the request from. */
export function described({ path, method, headers, body = '' }: Sent): string {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString();
  return `${method} ${path} ${JSON.stringify(headers)} ${text}`;
}
