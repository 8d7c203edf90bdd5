/** Arbitrary requests, made from the description. */
import fc from 'fast-check';

import type { FormPart } from '../../support/forms.ts';
import { describeApi } from '../../../api/openapi.ts';
import { OPERATIONS as DECLARED } from '../../../api/operations/index.ts';
import { OPERATIONS } from '../description.ts';
import type { Operation } from '../description.ts';
import { withChanges } from './changes.ts';
import { idOf, junk, text, valueOf } from './values.ts';
import type { Id } from './values.ts';

export type FuzzedRequest = {
  operation: Operation;
  /** Which objects it is about. */
  nth: number;
  path: Readonly<Record<string, Id | string>>;
  query: readonly (readonly [string, Id | string])[];
  headers: Readonly<Record<string, string>>;
  body: FuzzedBody;
};

/** Sent as JSON, as it is, or as a form that lacks `cut` bytes at its end. */
export type FuzzedBody = { json: unknown } | { raw: string } | { parts: FormPart[]; cut: number };

const RAW = ['', '{', 'null', '[1,', '"\\ud800"', '{"a":1}{', '\u0000', 'a=b'];

function jsonBody({ request }: Operation): fc.Arbitrary<FuzzedBody> {
  const of = (taste: 'sound' | 'bold') =>
    request === undefined ? fc.constant({}) : valueOf(request.schema, '', taste);
  const json = fc.oneof(
    { weight: 5, arbitrary: of('sound') },
    { weight: 3, arbitrary: withChanges(of('sound')) },
    { weight: 3, arbitrary: of('bold') },
    junk,
  );
  return fc.oneof(
    { weight: 20, arbitrary: json.map((value) => ({ json: value })) },
    fc.constantFrom(...RAW).map((raw) => ({ raw })),
  );
}

const EXPIRY = ['expires_after[anchor]', 'expires_after[seconds]', 'expires_after.seconds'];
const ODD_NAMES = ['', 'expires_after', 'expires_after[', '__proto__[a]', 'a"b', 'bogus'];
const file = (name: string) =>
  fc.record({
    name: fc.constant(name),
    filename: fc.constantFrom('a.txt', 'a.txt', 'é🌿.pdf', '../../x', '', 'x'.repeat(5_000)),
    content: fc.constantFrom('x', '\u0000', '', 'x'.repeat(100_000)),
  });
const field = fc.record({
  name: fc.constantFrom('purpose', ...EXPIRY, ...ODD_NAMES),
  content: fc.oneof(fc.constantFrom('vision', 'created_at', '3600', ''), text),
});
const soundFields = fc.subarray([
  { name: 'expires_after[anchor]', content: 'created_at' },
  { name: 'expires_after[seconds]', content: '3600' },
]);
const purpose = { name: 'purpose', content: 'assistants' };

function formBody({ id }: Operation): fc.Arbitrary<FuzzedBody> {
  const needed = id === 'createFile' ? [purpose] : [];
  const own = file(id === 'createFile' ? 'file' : 'data');
  const sound = fc.tuple(own, id === 'createFile' ? soundFields : fc.constant([]));
  return fc.record({
    parts: fc.oneof(
      sound.map(([part, more]): FormPart[] => [...needed, part, ...more]),
      fc.array<FormPart>(fc.oneof(own, field, fc.constant(purpose)), { maxLength: 4 }),
    ),
    cut: fc.constantFrom(0, 0, 0, 0, 1, 30),
  });
}

const headers = fc.record(
  {
    'content-type': fc.constantFrom('text/plain', 'application/json; charset=utf-16', 'x'),
    'openai-beta': fc.constantFrom('assistants=v2', 'assistants=v1', ',', 'realtime=v1'),
    'idempotency-key': fc.constantFrom('k1', 'k2', 'k'.repeat(256), ' '),
    'content-encoding': fc.constantFrom('gzip', 'x'),
    'last-event-id': fc.constantFrom('0', '1', '-1', '9'.repeat(12), 'x'),
  },
  { requiredKeys: [], noNullPrototype: true },
);

const KINDS = ['assistant_id', 'thread_id', 'message_id', 'run_id', 'file_id', 'vector_store_id'];

function queryOf({ parameters }: Operation): fc.Arbitrary<FuzzedRequest['query']> {
  const word = fc.oneof(text, fc.constantFrom('1', '100', '101', '0', 'asc', '1e2', '٣'));
  const pairs = parameters
    .filter((one) => one.in === 'query')
    .map(({ name, schema }) => {
      const isId = ['after', 'before', 'run_id'].includes(name);
      const value: fc.Arbitrary<Id | string> = isId
        ? fc.constantFrom(...KINDS).chain((kind) => idOf(kind, 'bold'))
        : valueOf(schema.items ?? schema, '', 'sound').map((one) =>
            typeof one === 'string' ? one : JSON.stringify(one),
          );
      const names = fc.constantFrom(name, name, name, name, `${name}[]`, `${name}[a]`);
      return fc.tuple(names, fc.oneof({ weight: 3, arbitrary: value }, word));
    });
  const other = fc.tuple(fc.constantFrom('bogus', 'order', 'a[b][c]'), word);
  return fc.array(fc.oneof(...pairs, other), { maxLength: 3 });
}

function pathOf({ path }: Operation): fc.Arbitrary<FuzzedRequest['path']> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const ids = (taste: 'sound' | 'bold') =>
    fc.record(Object.fromEntries(names.map((name) => [name, idOf(name, taste)])));
  const about = fc.constant(Object.fromEntries(names.map((id) => [id, { id, shift: 0 }])));
  return fc.oneof({ weight: 6, arbitrary: about }, ids('sound'), ids('bold'));
}

const served = describeApi('fuzzed');

/** Every operation that is declared, as published; an extension as this server describes it. */
const FUZZED: readonly Operation[] = DECLARED.map(({ id, path, method }) => {
  const published = OPERATIONS.find((operation) => operation.id === id);
  if (published !== undefined) return published;
  const { parameters } = served.paths[path]![method]!;
  const query = parameters.filter((one) => one.in === 'query') as Operation['parameters'];
  const answer = { contentType: 'application/json', schema: {} };
  return {
    id,
    path,
    method: method.toUpperCase() as Operation['method'],
    parameters: query,
    answer,
  };
});

/** The statuses of errors that the server describes. */
export function errorsOf({ path, method }: Operation): number[] {
  const { responses } = served.paths[path]![method.toLowerCase()]!;
  return Object.keys(responses).map(Number);
}

export const fuzzedRequest: fc.Arbitrary<FuzzedRequest> = fc
  .constantFrom(...FUZZED)
  .chain((operation) =>
    fc.record({
      operation: fc.constant(operation),
      nth: fc.nat(100),
      path: pathOf(operation),
      query: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, queryOf(operation)),
      headers: fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, headers),
      body:
        operation.request?.contentType === 'multipart/form-data'
          ? fc.oneof({ weight: 4, arbitrary: formBody(operation) }, jsonBody(operation))
          : jsonBody(operation),
    }),
  );
