/** Requests that differ from a described one in one place. */
import type { Operation, Parameter } from './description.ts';
import { probesOf } from './probe.ts';
import type { Probe } from './probe.ts';
import { fieldsOf, objectsOf } from './request-fields.ts';
import type { Path } from './request-fields.ts';
import { idFor, samples } from './samples.ts';

export type Try = {
  /** The field's name: `CreateRunRequest.tools`. */
  at: string;
  /** What is sent for it. */
  what: string;
  /** Where in the request, as an error names it. */
  param: string;
  /** The code of the error that is due, or `any`; undefined: none is. */
  refused?: string | undefined;
};

export function triesOf({ id, request }: Operation): (Try & { body: unknown })[] {
  const { schema, contentType } = request!;
  const top = { at: id, path: [] };
  const tries = samples(schema).flatMap((body) => [
    { at: id, what: `a described body ${JSON.stringify(body)}`, param: '', body },
    ...[...objectsOf(schema, body, top)].map(({ level: { at, path } }) =>
      unknownField(at, path, body),
    ),
    ...[...fieldsOf(schema, body, top)].flatMap((field) =>
      [...probesOf(field)].map((probe) => fieldTry(field.at, field.path, probe, body)),
    ),
  ]);
  // A form's values are texts: which error a wrong one makes depends on what it looks like.
  const asForm = contentType === 'multipart/form-data';
  const due = tries.map((one) => (asForm && one.refused ? { ...one, refused: 'any' } : one));
  return [...new Map(due.map((one) => [`${one.at} ${one.what} ${one.param}`, one])).values()];
}

type BodyTry = Try & { body: unknown };

const unknownField = (at: string, path: Path, body: unknown): BodyTry =>
  fieldTry(
    at,
    [...path, 'bogus'],
    { what: 'an unknown field', value: 1, refused: 'unknown_parameter' },
    body,
  );

const fieldTry = (
  at: string,
  path: Path,
  { what, value, refused }: Probe,
  body: unknown,
): BodyTry => ({
  at,
  what,
  refused,
  param: path.join('.').replaceAll(/\.(\d+)/g, '[$1]'),
  body: put(body, path, value),
});

/** A copy of `body` with another value at `path`. */
function put(body: unknown, path: Path, value: unknown): unknown {
  // Not structuredClone: parts of a sample may be the same object, and would stay so.
  const copy: unknown = JSON.parse(JSON.stringify(body));
  let parent = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>;
  parent[path.at(-1)!] = value;
  return copy;
}

/** Cursors are left out: they name objects of the list. */
export function triesOfQuery(operation: Operation): (Try & { query: string; body: unknown })[] {
  const { id, parameters, request } = operation;
  const body = request && samples(request.schema)[0];
  return parameters
    .filter(({ in: place, name }) => place === 'query' && !['after', 'before'].includes(name))
    .flatMap((parameter) =>
      valuesOf(parameter).map(([value, refused]) => ({
        at: `${id}.${parameter.name}`,
        what: JSON.stringify(value),
        param: parameter.name.replace('[]', '[0]'),
        refused,
        query: new URLSearchParams({ [parameter.name]: value }).toString(),
        body,
      })),
    );
}

function valuesOf({ name, schema }: Parameter): [value: string, refused?: string][] {
  const words = (schema.items ?? schema).enum;
  if (words !== undefined) {
    return [...words.map((word): [string] => [String(word)]), ['bogus', 'invalid_value']];
  }
  if (schema.type === 'integer') return [['1'], [String(schema.default)], ['x', 'invalid_type']];
  return [[idFor(name) ?? 'text']];
}
