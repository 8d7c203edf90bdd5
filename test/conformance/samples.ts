/** Bodies that the description allows: together they have every field, and every member of every union. */
import { resolve } from './description.ts';
import type { Published } from './published.ts';

/** Ids of objects that are not there, well-formed. */
const IDS: Readonly<Record<string, string>> = {
  assistant_id: 'asst_none',
  thread_id: 'thread_none',
  message_id: 'msg_none',
  run_id: 'run_none',
  step_id: 'step_none',
  file_id: 'file-none',
  input_file_id: 'file-none',
  upload_id: 'upload_none',
  vector_store_id: 'vs_none',
  batch_id: 'vsfb_none',
};

/** Undefined: the name is not that of an id. */
export const idFor = (name: string): string | undefined => IDS[name];

/** Values of fields that take less than their schema says, or that depend on each other. */
const VALUES: Readonly<Record<string, unknown>> = {
  ...IDS,
  file_ids: ['file-none'],
  vector_store_ids: ['vs_none'],
  max_chunk_size_tokens: 800,
  chunk_overlap_tokens: 50,
  url: 'https://example.com/a.png',
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  /** Of a filter. Lists of values have words of their own. */
  value: 'text',
};

/** `key` is the name of the field that the value is for. */
export function samples(schema: Published, key = ''): unknown[] {
  if (key in VALUES) return [VALUES[key]];
  const { type, enum: words, minimum = 1, items, maxItems } = schema;
  const members = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (schema.$ref !== undefined) return samples(resolve(schema), key);
  if (schema.properties !== undefined) return objects(schema);
  if (members !== undefined) return members.flatMap((member) => samples(member, key));
  if (words !== undefined) return [words[0]];
  switch (type) {
    case 'string':
      return ['text'];
    case 'integer':
    case 'number':
      return [minimum];
    case 'boolean':
      return [true];
    case 'object':
      return [typeof schema.additionalProperties === 'object' ? { a: '1' } : {}];
    case 'array': {
      const elements = samples(items!, '');
      return maxItems === 1 ? elements.map((element) => [element]) : [elements];
    }
    default:
      return [];
  }
}

/** One object with every field, and one more for every further form of a field. */
function objects(schema: Published): object[] {
  const properties = Object.entries(schema.properties!);
  const forms = properties.map(([key, value]) => [key, samples(value, key)] as const);
  const first = Object.fromEntries(forms.map(([key, values]) => [key, values[0]]));
  const others = forms.flatMap(([key, values]) =>
    values.slice(1).map((value) => ({ ...first, [key]: value })),
  );
  const exclusive = (schema.oneOf ?? schema.anyOf ?? []).flatMap(({ required = [] }) => required);
  if (exclusive.length === 0) return [first, ...others];
  return exclusive.flatMap((kept) =>
    [first, ...others].map((object) =>
      omit(
        object,
        exclusive.filter((key) => key !== kept),
      ),
    ),
  );
}

function omit(object: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}
