/**
 * The published schemas in a form that finds every difference once, at its place: objects take no keys that are not
 * described, a union is decided by its tag before its members are looked at, and every schema knows its own name.
 */
import type { Published } from './published.ts';
import { nameOf, resolve } from './description.ts';

/** `at` is the schema's name: `RunObject.tools[]`. Differences are reported under it. */
export type Strict = { at: string; [keyword: string]: unknown };

export function strict(schema: Published, at: string): Strict {
  const { oneOf, anyOf, allOf, nullable, ...rest } = schema;
  if (nullable === true) return orNull(strict({ ...rest, oneOf, anyOf, allOf } as Published, at));
  const members = oneOf ?? anyOf ?? allOf;
  if (members !== undefined) return union(members, at);
  if (schema.$recursiveRef !== undefined) return { at, $ref: `#/$defs/${at.split('.')[0]}` };
  if (schema.$ref !== undefined) return { at, $ref: schema.$ref };
  if (schema.properties !== undefined) return closedObject(schema, at);
  const { format: _, default: __, ...checked } = schema;
  const { items, additionalProperties: values } = schema;
  return {
    ...checked,
    at,
    ...(items !== undefined && { items: strict(items, `${at}[]`) }),
    ...(typeof values === 'object' && { additionalProperties: strict(values, `${at}.*`) }),
  };
}

function closedObject({ properties = {}, required }: Published, at: string): Strict {
  return {
    at,
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, schema]) => [key, strict(schema, `${at}.${key}`)]),
    ),
    ...(required !== undefined && { required }),
  };
}

const isNull = (schema: Published) =>
  schema.type === 'null' || (schema.nullable === true && Object.keys(schema).length === 1);
const isScalar = (schema: Published) => !['object', undefined].includes(resolve(schema).type);

function union(members: readonly Published[], at: string): Strict {
  const kinds = members.filter((member) => !isNull(member));
  const chosen = oneOfKinds(kinds, at);
  return kinds.length < members.length ? orNull(chosen) : chosen;
}

function oneOfKinds(kinds: readonly Published[], at: string): Strict {
  const [first, ...more] = kinds;
  if (more.length === 0) return strict(first!, at);
  const scalars = kinds.filter(isScalar);
  if (scalars.length === kinds.length) return { at, anyOf: kinds.map((one) => strict(one, at)) };
  const objects = tagged(
    kinds.filter((kind) => !isScalar(kind)),
    at,
  );
  if (scalars.length === 0) return objects;
  const others = oneOfKinds(scalars, at);
  const isObject = { type: 'object' };
  return { at, allOf: [unless(isObject, others), unless({ not: isObject }, objects)] };
}

/** Objects that a `type` of their own tells apart. */
function tagged(kinds: readonly Published[], at: string): Strict {
  if (kinds.length === 1) return strict(kinds[0]!, at);
  return {
    at,
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: kinds.map((kind) => strict(kind, kind.$ref === undefined ? at : nameOf(kind.$ref))),
  };
}

const orNull = (schema: Strict) => unless({ type: 'null' }, schema);

function unless(condition: object, schema: Strict): Strict {
  return { at: schema.at, if: condition, else: schema };
}
