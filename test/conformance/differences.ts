/** What a value and its published schema disagree about, each disagreement once and by name. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';

import { DEFINITIONS, nameOf } from './description.ts';
import type { Published } from './published.ts';
import { strict } from './strict-schema.ts';
import type { Strict } from './strict-schema.ts';

export type Difference = {
  /** The schema's field: `RunObject.instructions`. */
  at: string;
  published: string;
  sent: string;
};

const ajv = new Ajv({
  allErrors: true,
  discriminator: true,
  inlineRefs: false,
  strict: false,
  verbose: true,
});
ajv.addVocabulary(['at']);
ajv.addSchema({
  $id: 'description',
  $defs: Object.fromEntries(
    Object.entries(DEFINITIONS).map(([name, schema]) => [name, strict(schema, name)]),
  ),
});

export function differences(schemaName: string, value: unknown): Difference[] {
  const validate = ajv.getSchema(`description#/$defs/${schemaName}`) as ValidateFunction;
  if (validate === undefined) throw new Error(`The description has no ${schemaName}.`);
  validate(value);
  return (validate.errors ?? []).flatMap(toDifference);
}

/** The schema of an answer is always a reference. */
export const schemaNameOf = (schema: Published): string | undefined =>
  schema.$ref === undefined ? undefined : nameOf(schema.$ref);

function toDifference(error: ErrorObject): Difference[] {
  const { at } = error.parentSchema as Strict;
  const params = error.params as Record<string, unknown>;
  const sent = abbreviate(error.data);
  switch (error.keyword) {
    case 'if':
    case 'anyOf':
      return []; // Its members say more.
    case 'additionalProperties':
      return [
        { at: `${at}.${String(params.additionalProperty)}`, published: 'absent', sent: 'present' },
      ];
    case 'required':
      return [
        { at: `${at}.${String(params.missingProperty)}`, published: 'present', sent: 'absent' },
      ];
    case 'type':
      return [{ at, published: String(params.type), sent: typeName(error.data) }];
    case 'enum':
      if (typeof error.data !== 'string') return []; // Its type says so.
      return [
        { at, published: (params.allowedValues as unknown[]).map(abbreviate).join(' | '), sent },
      ];
    case 'minimum':
      return [{ at, published: `minimum ${String(params.limit)}`, sent: 'less' }];
    case 'discriminator':
      return [{ at: `${at}.type`, published: 'a known type', sent: abbreviate(params.tagValue) }];
    default:
      return [{ at, published: `${error.keyword} ${JSON.stringify(error.schema)}`, sent }];
  }
}

const typeName = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

function abbreviate(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
