import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { compileFilter } from '../../db/vector-stores/search-filter.ts';
import type { AttributeValue, Filter } from '../../wire/requests/search.ts';
import type { FileAttributes } from '../../wire/types.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** What a filter means. Strings are ordered by code points. */
function passes(filter: Filter, attributes: FileAttributes): boolean {
  if ('filters' in filter) {
    const { type, filters } = filter;
    return filters[type === 'and' ? 'every' : 'some']((part) => passes(part, attributes));
  }
  if (filter.type === 'ne') return !passes({ ...filter, type: 'eq' }, attributes);
  if (filter.type === 'nin') return !passes({ ...filter, type: 'in' }, attributes);
  if (!Object.hasOwn(attributes, filter.key)) return false;
  const own = attributes[filter.key]!;
  const { value: wanted } = filter;
  if (Array.isArray(wanted)) return wanted.some((one) => order(own, one) === 0);
  const result = order(own, wanted);
  // Not a number between different types: every comparison with it is false.
  if (filter.type === 'eq') return result === 0;
  if (filter.type === 'gt') return result > 0;
  if (filter.type === 'gte') return result >= 0;
  return filter.type === 'lt' ? result < 0 : result <= 0;
}

function order(a: AttributeValue, b: AttributeValue): number {
  if (typeof a !== typeof b) return Number.NaN;
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  return Number(a) - Number(b);
}

const text = fc
  .oneof(fc.constantFrom('', 'a', 'b', 'B', 'é', '10', '9', 'true', '🦀', '\uffee'), fc.string())
  .map((value) => value.replaceAll('\0', '').toWellFormed());
const number = fc
  .oneof(fc.constantFrom(0, 1, -1, 10, 9, 0.1, 1e21, 5e-324), fc.double({ noNaN: true }))
  .filter(Number.isFinite)
  // As JSON has it.
  .map((value) => value + 0);
const value: fc.Arbitrary<AttributeValue> = fc.oneof(text, number, fc.boolean());
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('__proto_', 'a"b', "a'b", '\\', '$', '@', '*', '\n') },
  { weight: 1, arbitrary: text.filter((one) => one !== '') },
);
const attributes: fc.Arbitrary<FileAttributes> = fc
  .array(fc.tuple(key, value), { maxLength: 5 })
  .map((pairs) => Object.fromEntries(pairs));

const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      type: fc.constantFrom('eq' as const, 'ne', 'gt', 'gte', 'lt', 'lte'),
      key,
      value,
    }),
    fc.record({
      type: fc.constantFrom('in' as const, 'nin'),
      key,
      value: fc.array(value, { maxLength: 4 }),
    }),
    fc.record({
      type: fc.constantFrom('and' as const, 'or'),
      filters: fc.array(tie('filter'), { maxLength: 3 }),
    }),
  ),
}));

test('a compiled filter means what the filter means', async () => {
  await fc.assert(
    fc.asyncProperty(
      filter,
      fc.array(attributes, { minLength: 1, maxLength: 8 }),
      async (given, files) => {
        const { path, variables } = compileFilter(given);
        const { rows } = await database.pool.query<{ passed: boolean }>({
          name: 'test.filter',
          text: `select jsonb_path_exists(f.attributes::jsonb, $2::jsonpath, $3::jsonb) as passed
                 from unnest($1::text[]) with ordinality f(attributes, place) order by place`,
          values: [files.map((file) => JSON.stringify(file)), path, variables],
        });
        const expected = files.map((file) => passes(given, file));
        expect(rows.map(({ passed }) => passed)).toEqual(expected);
      },
    ),
    { numRuns: 1_500 },
  );
});
