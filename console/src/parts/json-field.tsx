/** A field of JSON, which says where it is wrong while it is edited. */
import { JsonInput } from '@mantine/core';
import { Validator } from '@cfworker/json-schema';
import type { InstanceType, Schema } from '@cfworker/json-schema';
import { useTranslation } from 'react-i18next';

type Props = {
  label: string;
  value: string;
  onChange: (text: string) => void;
  /** Returns a sentence if the value is valid JSON but not allowed. */
  check?: (value: unknown) => string | undefined;
  rows?: number;
};

export function JsonField({ label, value, onChange, check, rows = 4 }: Props) {
  const { t } = useTranslation();
  return (
    <JsonInput
      label={label}
      value={value}
      onChange={onChange}
      error={jsonProblem(value, t('json.invalid'), check)}
      autosize
      minRows={rows}
      maxRows={24}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
    />
  );
}

function jsonProblem(text: string, invalid: string, check?: Props['check']) {
  if (text.trim() === '') return undefined;
  try {
    return check?.(JSON.parse(text));
  } catch (error) {
    return `${invalid} ${(error as Error).message}`;
  }
}

/** Why `schema` is not a JSON Schema; undefined if it is one. */
export function schemaProblem(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    return 'A schema is an object, such as {"type": "object", "properties": {}}.';
  }
  const { errors } = new Validator(META_SCHEMA, '2020-12', false).validate(schema);
  // The first errors are about the parts that contain the wrong part.
  const [deepest] = errors.toSorted(
    (one, other) => other.instanceLocation.length - one.instanceLocation.length,
  );
  return deepest && `${deepest.instanceLocation}: ${deepest.error}`;
}

const TYPES: InstanceType[] = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

/** The keywords that models see, as draft 2020-12 defines them. */
const META_SCHEMA: Schema = {
  $id: 'threadmill:schema',
  type: ['object', 'boolean'],
  properties: {
    type: { anyOf: [{ enum: TYPES }, { type: 'array', items: { enum: TYPES } }] },
    properties: { type: 'object', additionalProperties: { $ref: '#' } },
    required: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    items: { $ref: '#' },
    additionalProperties: { $ref: '#' },
    enum: { type: 'array' },
    anyOf: { type: 'array', items: { $ref: '#' }, minItems: 1 },
    allOf: { type: 'array', items: { $ref: '#' }, minItems: 1 },
    oneOf: { type: 'array', items: { $ref: '#' }, minItems: 1 },
    not: { $ref: '#' },
    $defs: { type: 'object', additionalProperties: { $ref: '#' } },
    description: { type: 'string' },
    pattern: { type: 'string', format: 'regex' },
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    minLength: { type: 'integer', minimum: 0 },
    maxLength: { type: 'integer', minimum: 0 },
    minItems: { type: 'integer', minimum: 0 },
    maxItems: { type: 'integer', minimum: 0 },
  },
};
