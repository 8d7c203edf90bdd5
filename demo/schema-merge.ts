/** Makes one plain schema of a schema with `$ref` and `allOf`, so that values can be made from it directly. */
import type { JsonSchema } from './request.ts';
import { resolveRef } from './schema-check.ts';

export type PlainSchema = Exclude<JsonSchema, boolean>;

/** References and conjunctions folded in. References to themselves are followed a few times only. */
export function flatten(schema: JsonSchema, root: JsonSchema, depth = 0): PlainSchema {
  if (typeof schema === 'boolean' || depth > 12) return {};
  const { $ref, allOf, ...rest } = schema;
  let merged: PlainSchema = rest;
  if (typeof $ref === 'string') {
    merged = merge(merged, flatten(resolveRef($ref, root), root, depth + 1));
  }
  for (const part of Array.isArray(allOf) ? (allOf as JsonSchema[]) : []) {
    merged = merge(merged, flatten(part, root, depth + 1));
  }
  return merged;
}

/** Both schemas at once. Where they cannot be folded the second wins, and the check afterwards tells. */
export function merge(first: PlainSchema, second: PlainSchema): PlainSchema {
  const merged: PlainSchema = { ...first, ...second };
  for (const [keyword, fold] of Object.entries(FOLDS)) {
    const [a, b] = [first[keyword], second[keyword]];
    if (a !== undefined && b !== undefined) merged[keyword] = fold(a as never, b as never);
  }
  return merged;
}

const higher = (a: number, b: number) => Math.max(a, b);
const lower = (a: number, b: number) => Math.min(a, b);

const FOLDS: Record<string, (a: never, b: never) => unknown> = {
  properties: mergeProperties,
  required: (a: string[], b: string[]) => [...new Set([...a, ...b])],
  enum: (a: unknown[], b: unknown[]) => a.filter((one) => b.includes(one)),
  minimum: higher,
  exclusiveMinimum: higher,
  minLength: higher,
  minItems: higher,
  minProperties: higher,
  maximum: lower,
  exclusiveMaximum: lower,
  maxLength: lower,
  maxItems: lower,
  maxProperties: lower,
};

function mergeProperties(a: Record<string, JsonSchema>, b: Record<string, JsonSchema>): object {
  const both = Object.keys(b).map((name) => {
    const [first, second] = [a[name], b[name]!];
    return [name, first === undefined ? second : { allOf: [first, second] }];
  });
  return { ...a, ...Object.fromEntries(both) };
}
