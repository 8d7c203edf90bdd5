/** The fields of a request as described, found by walking a schema along a body that has them. */
import { nameOf, resolve } from './description.ts';
import type { Published } from './published.ts';

export type Path = readonly (string | number)[];

export type Field = {
  /** `CreateRunRequest.tools`. */
  at: string;
  path: Path;
  /** Undefined: it depends on other fields. */
  required: boolean | undefined;
  nullable: boolean;
  /** What it can be, other than null. */
  members: readonly Published[];
};

export type Level = { at: string; path: Path };

/** Every field of `body` and of the objects in it. */
export function* fieldsOf(schema: Published, body: unknown, level: Level): Generator<Field> {
  for (const object of objectsOf(schema, body, level)) {
    const { properties, required, oneOf, anyOf } = object.schema;
    const exclusive = (oneOf ?? anyOf ?? []).flatMap((member) => member.required ?? []);
    for (const [key, field] of Object.entries(properties!)) {
      if (!(key in object.body)) continue;
      yield {
        at: `${object.level.at}.${key}`,
        path: [...object.level.path, key],
        required: exclusive.includes(key) ? undefined : (required?.includes(key) ?? false),
        nullable: isNullable(field),
        members: membersOf(field).filter(({ type }) => type !== 'null'),
      };
    }
  }
}

/** Every object of `body` whose fields are described. */
export function* objectsOf(
  schema: Published,
  body: unknown,
  { at, path }: Level,
): Generator<{ schema: Published; body: object; level: Level }> {
  const target = memberFor(schema, body);
  if (target === undefined) return;
  const name = target.ref ?? at;
  if (Array.isArray(body)) {
    for (const [index, element] of body.entries()) {
      yield* objectsOf(target.schema.items!, element, { at: `${name}[]`, path: [...path, index] });
    }
    return;
  }
  const { properties } = target.schema;
  if (properties === undefined || typeof body !== 'object' || body === null) return;
  yield { schema: target.schema, body, level: { at: name, path } };
  for (const [key, value] of Object.entries(body)) {
    const field = properties[key];
    if (field !== undefined) {
      yield* objectsOf(field, value, { at: `${name}.${key}`, path: [...path, key] });
    }
  }
}

/** The members of a union, references resolved; a schema that is none is its only member. */
function membersOf(schema: Published): Published[] {
  if (schema.$ref !== undefined) return membersOf(resolve(schema));
  const members = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (members === undefined || schema.properties !== undefined) return [schema];
  return members.flatMap(membersOf).filter(({ type }) => type !== undefined);
}

const isNullable = (schema: Published): boolean =>
  schema.nullable === true ||
  schema.type === 'null' ||
  (schema.$ref !== undefined && isNullable(resolve(schema))) ||
  (schema.properties === undefined &&
    (schema.oneOf ?? schema.anyOf ?? schema.allOf ?? []).some(isNullable));

/** The member that `body` is of, with its name if it has one. */
function memberFor(
  schema: Published,
  body: unknown,
): { schema: Published; ref: string | undefined } | undefined {
  const ref = schema.$ref === undefined ? undefined : nameOf(schema.$ref);
  const { oneOf, anyOf, allOf, properties, type } = resolve(schema);
  const members = oneOf ?? anyOf ?? allOf;
  if (members === undefined || properties !== undefined) {
    return matches(resolve(schema), type, body) ? { schema: resolve(schema), ref } : undefined;
  }
  for (const member of members) {
    const found = memberFor(member, body);
    if (found !== undefined) return { ...found, ref: found.ref ?? ref };
  }
  return undefined;
}

function matches({ properties }: Published, type: string | undefined, body: unknown): boolean {
  if (Array.isArray(body)) return type === 'array';
  if (typeof body !== 'object' || body === null) return false;
  const tag = (body as { type?: unknown }).type;
  return properties !== undefined && (properties.type?.enum?.includes(tag) ?? true);
}
