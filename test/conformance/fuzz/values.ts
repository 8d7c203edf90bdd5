/** Arbitrary values for the fields of requests: as described, at and beyond their bounds, and of no description at all. */
import fc from 'fast-check';

import { resolve } from '../description.ts';
import type { Published } from '../published.ts';
import { idFor } from '../samples.ts';

/** An object of a kind; which one is decided when the request is sent. 0 is the one that the request is about. */
export type Id = { id: string; shift: number };

/** `sound` values are within their bounds and name objects that are there. */
export type Taste = 'sound' | 'bold';

const SOUND_TEXTS = [
  'text',
  ' ',
  '0',
  'null',
  '🌿'.repeat(40),
  "'; --",
  'é\u0301',
  '\ud800',
  'toString',
];
const BOLD_TEXTS = ['', '\u0000', '__proto__', '{"a":', '\ufeff', '-1', 'undefined'];
const LENGTHS = [63, 64, 65, 256, 257, 512, 513, 5_000];

const soundText = fc.constantFrom(...SOUND_TEXTS);
export const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SOUND_TEXTS, ...BOLD_TEXTS) },
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...LENGTHS).map((length) => 'x'.repeat(length)),
);

const number = fc.constantFrom(0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308);
export const key = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'a.b', 'a[0]'), text);

const deep = fc.constantFrom(10, 63, 64, 65, 500).map((depth) => {
  let value: unknown = [];
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
});

const map = (values: fc.Arbitrary<unknown>, maxKeys: number, keys = key) =>
  fc.dictionary(keys, values, { maxKeys, noNullPrototype: true });

/** What no field is described as. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, {}, []),
  number,
  text,
  fc.array(fc.oneof(text, number), { maxLength: 4 }),
  map(text, 3),
  deep,
);

export function idOf(name: string, taste: Taste): fc.Arbitrary<Id | string> {
  const other = fc.constantFrom(0, 0, 0, 1, 2, 3);
  const there = other.map((shift): Id => ({ id: name, shift }));
  if (taste === 'sound') return there;
  const missing = fc.constantFrom(idFor(name) ?? 'none', 'undefined', 'x'.repeat(65));
  return fc.oneof({ weight: 4, arbitrary: there }, missing, text);
}

const about = (name: string): Id => ({ id: name, shift: 0 });

/** Values of fields that take less than their schema says. */
const PARTICULAR: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  name: fc.constantFrom('text', 'f_1', 'x'.repeat(64)),
  url: fc.constantFrom('https://example.com/a.png', 'http://[::1]/'),
  md5: fc.constant('74c53bcd3dcb2bb79993b2fec37d362a'),
  chunk_overlap_tokens: fc.constantFrom(0, 50),
  part_ids: fc.constant([about('part_id')]),
  bytes: fc.constantFrom(1, 1_000),
  tool_choice: fc.constantFrom('none', 'auto', { type: 'function', function: { name: 'f_1' } }),
  truncation_strategy: fc.constantFrom(
    { type: 'auto' },
    { type: 'last_messages', last_messages: 1 },
  ),
  attachments: fc.constant([{ file_id: about('file_id'), tools: [{ type: 'file_search' }] }]),
  tool_outputs: soundText.map((output) => [{ tool_call_id: about('tool_call_id'), output }]),
};

const named = (name: string) =>
  idFor(name) !== undefined || name === 'tool_call_id' || name === 'part_id';

/** `name` is the field's. */
export function valueOf(schema: Published, name: string, taste: Taste): fc.Arbitrary<unknown> {
  const particular = PARTICULAR[name];
  if (taste === 'sound' && particular !== undefined) return particular;
  if (named(name)) return idOf(name, taste);
  if (name.endsWith('_ids')) return fc.array(idOf(name.slice(0, -1), taste), { maxLength: 1 });
  if (schema.$ref !== undefined) return valueOf(resolve(schema), name, taste);
  // Filters within filters: the description nests them without end.
  if (schema.$recursiveRef !== undefined) return fc.constant({ type: 'or', filters: [] });
  if (schema.properties !== undefined) return objectOf(schema, taste);
  const members = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (members !== undefined) {
    return fc.oneof(...members.map((member) => valueOf(member, name, taste)));
  }
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  return scalarOf(schema, taste);
}

function scalarOf(schema: Published, taste: Taste): fc.Arbitrary<unknown> {
  const { minimum = 1, maximum = 1_000, maxLength = 512, items, additionalProperties } = schema;
  const bold = taste === 'bold';
  switch (schema.type) {
    case 'string':
      return bold
        ? fc.oneof(
            text,
            fc.constantFrom(maxLength, maxLength + 1).map((n) => 'x'.repeat(n)),
          )
        : soundText;
    case 'integer':
    case 'number':
      return fc.constantFrom(minimum, maximum, ...(bold ? [minimum - 1, maximum + 1, 0.5] : []));
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valueOf(items!, '', taste), { minLength: bold ? 0 : 1, maxLength: 3 });
    case 'object':
      return typeof additionalProperties === 'object'
        ? map(valueOf(additionalProperties, '', taste), bold ? 17 : 3, bold ? key : soundText)
        : map(bold ? junk : soundText, 3, soundText);
    default:
      return fc.constant(null);
  }
}

function objectOf(schema: Published, taste: Taste): fc.Arbitrary<unknown> {
  const exclusive = (schema.oneOf ?? schema.anyOf ?? []).flatMap(({ required = [] }) => required);
  const record = (left: readonly string[]) => {
    const kept = Object.entries(schema.properties!).filter(([name]) => !left.includes(name));
    const fields = kept.map(([name, field]) => [name, valueOf(field, name, taste)] as const);
    const requiredKeys = kept.map(([name]) => name).filter(required);
    return fc.record(Object.fromEntries(fields), { requiredKeys, noNullPrototype: true });
  };
  const required = (name: string) =>
    exclusive.includes(name) || (schema.required?.includes(name) ?? false);
  if (exclusive.length === 0) return record([]);
  return fc.oneof(...exclusive.map((kept) => record(exclusive.filter((name) => name !== kept))));
}
