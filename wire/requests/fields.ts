/** Schemas of the fields that several requests share. Built once, when the module loads. */
import { z } from 'zod';
import { countCharacters } from '../text.ts';
import { freeSchema } from './json-size.ts';
import { LIMITS } from './limits.ts';
import type { CustomProblem } from './zod-errors.ts';

/** Marks a field or an operation that the published description does not have. */
export const EXTENSION = { 'x-threadmill': true } as const;

/** A string of at most `max` and at least `min` characters. */
export function text(max: number, min = 0): z.ZodString {
  return z
    .string()
    .check((context) => {
      const { value } = context;
      const base = { origin: 'string', inclusive: true, input: value } as const;
      if (value.length < min) {
        context.issues.push({ ...base, code: 'too_small', minimum: min });
      } else if (value.length > max && countCharacters(value) > max) {
        context.issues.push({ ...base, code: 'too_big', maximum: max });
      }
    })
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max });
}

export function integer(min: number, max: number): z.ZodInt {
  return z.int({ error: 'expected an integer' }).min(min).max(max);
}

/** A number that need not be whole; its bounds are reported as a decimal's. */
export function decimal(min: number, max: number): z.ZodNumber {
  return z.number().min(min, 'decimal').max(max, 'decimal');
}

/** `noun` names the elements in the text of a wrong type. */
export function list<T extends z.ZodType>(
  item: T,
  noun: 'strings' | 'objects',
  max: number,
): z.ZodArray<T> {
  return z.array(item, { error: `expected an array of ${noun}` }).max(max);
}

type OrNothing<S, D> = NonNullable<z.output<S>> | Extract<D, null | undefined>;

/** A field that clients leave out or send as null, which both mean `standard`. */
export function or<S extends z.ZodType, D extends z.output<S> | null | undefined>(
  schema: S,
  standard: D,
) {
  return schema.nullish().transform((value) => (value ?? standard) as OrNothing<S, D>);
}

type Clearable = Record<string, readonly [schema: z.ZodType, standard: unknown]>;
type Value<F> = F extends readonly [infer S, infer D] ? OrNothing<S, D> : never;

/** Fields of a body that creates an object: each has its standard value unless the body gives one. */
export function created<const F extends Clearable>(fields: F) {
  return mapFields(fields, or) as { [K in keyof F]: z.ZodType<Value<F[K]>> };
}

/** Fields of a body that modifies an object: null sets the standard value, and an absent field stays absent. */
export function changed<const F extends Clearable>(fields: F) {
  return mapFields(fields, (schema, standard) =>
    schema
      .nullable()
      .transform((value) => value ?? standard)
      .optional(),
  ) as { [K in keyof F]: z.ZodOptional<z.ZodType<Value<F[K]>>> };
}

function mapFields(
  fields: Clearable,
  toField: (schema: z.ZodType, standard: unknown) => z.ZodType,
): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, toField(...field)]),
  );
}

/** Without the fields that are undefined. */
export function defined<T extends object>(given: T): Partial<T> {
  const fields = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as Partial<T>;
}

/** Pushes a problem with its own text; `{param}` in it stands for the field's name. */
export function problem(
  context: z.core.ParsePayload,
  found: CustomProblem,
  path: PropertyKey[] = [],
): void {
  context.issues.push({ code: 'custom', params: found, path, input: context.value });
}

/** An id inside a body: any short text, so that the look-up and not the parser answers for an unknown id. */
export const fileId = text(LIMITS.fileId, 1);

/** One pass checks the pairs and stops at the first problem: a body of a million pairs is refused cheaply. */
export const metadata = z
  .record(z.string(), z.unknown())
  .check((context) => checkPairs(context, ['string']))
  .meta({
    id: 'Metadata',
    maxProperties: LIMITS.metadataPairs,
    propertyNames: { type: 'string', maxLength: LIMITS.metadataKey },
    additionalProperties: { type: 'string', maxLength: LIMITS.metadataValue },
  }) as unknown as z.ZodType<Record<string, string>, Record<string, string>>;

/** A search of a vector store can filter its files by them. */
export type FileAttributes = Record<string, string | number | boolean>;

export const attributes = z
  .record(z.string(), z.unknown())
  .check((context) => checkPairs(context, ['string', 'number', 'boolean']))
  .meta({
    maxProperties: LIMITS.metadataPairs,
    propertyNames: { type: 'string', maxLength: LIMITS.metadataKey },
    additionalProperties: { type: ['string', 'number', 'boolean'] },
  }) as unknown as z.ZodType<FileAttributes, FileAttributes>;

function checkPairs(context: z.core.ParsePayload<Record<string, unknown>>, types: string[]): void {
  const keys = Object.keys(context.value);
  if (keys.length > LIMITS.metadataPairs) {
    problem(context, {
      code: 'object_above_max_properties',
      text:
        `Invalid '{param}': too many properties. Expected an object with at most ${LIMITS.metadataPairs} properties, ` +
        `but got an object with ${keys.length} properties instead.`,
    });
    return;
  }
  for (const key of keys) {
    const value = context.value[key];
    const length = key.length > LIMITS.metadataKey ? countCharacters(key) : 0;
    if (length > LIMITS.metadataKey) {
      problem(context, {
        code: 'property_name_above_max_length',
        text:
          `Invalid property name in '{param}': '${key.slice(0, 3)}...${key.slice(-3)}' is too long. Expected a string with ` +
          `maximum length ${LIMITS.metadataKey}, but got a string with length ${length} instead.`,
      });
      return;
    }
    const base = { path: [key], input: value };
    if (!types.includes(typeof value)) {
      const message = types.length > 1 ? `expected one of ${types.join(', ')}` : '';
      context.issues.push({ ...base, code: 'invalid_type', expected: 'string', message });
      return;
    }
    const tooLong =
      typeof value === 'string' &&
      value.length > LIMITS.metadataValue &&
      countCharacters(value) > LIMITS.metadataValue;
    if (tooLong) {
      const maximum = LIMITS.metadataValue;
      context.issues.push({ ...base, code: 'too_big', origin: 'string', maximum, inclusive: true });
      return;
    }
  }
}

export const model = text(LIMITS.model, 1);
export const instructions = text(LIMITS.instructions);
export const temperature = decimal(0, 2);
export const topP = decimal(0, 1);

export const reasoningEffort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);

/** Names of functions and of JSON schemas. */
export const identifier = text(LIMITS.functionName, 1).regex(/^[a-zA-Z0-9_-]+$/);

const jsonSchemaFormat = z.strictObject({
  name: identifier,
  description: text(LIMITS.functionDescription).optional(),
  schema: freeSchema.optional(),
  strict: z.boolean().nullish(),
});

export const responseFormat = z
  .union(
    [
      z.literal('auto'),
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('text') }),
        z.strictObject({ type: z.literal('json_object') }),
        z.strictObject({ type: z.literal('json_schema'), json_schema: jsonSchemaFormat }),
      ]),
    ],
    { error: "expected one of 'auto' or object" },
  )
  .meta({ id: 'ResponseFormat' });

export const truncationStrategy = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('auto'),
    last_messages: integer(1, LIMITS.maxInteger).nullish(),
  }),
  z.strictObject({
    type: z.literal('last_messages'),
    last_messages: integer(1, LIMITS.maxInteger),
  }),
]);

export const toolChoice = z
  .union(
    [
      z.enum(['none', 'auto', 'required']),
      z.discriminatedUnion('type', [
        z.strictObject({
          type: z.literal('function'),
          function: z.strictObject({ name: identifier }),
        }),
        z.strictObject({ type: z.literal('code_interpreter') }),
        z.strictObject({ type: z.literal('file_search') }),
      ]),
    ],
    { error: "expected one of 'none', 'auto', 'required', or object" },
  )
  .meta({ id: 'ToolChoice' });

/** All that can be changed of a message or a run. */
export const metadataChange = changed({ metadata: [metadata, {}] });

export const imageDetail = z.enum(['auto', 'low', 'high']).optional();

/** `true` or `false` of a query, false if it is absent. */
export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true');
