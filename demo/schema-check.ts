/** Whether a value satisfies a JSON schema: the keywords function tools use. Unknown keywords are ignored. */
import type { JsonSchema } from './request.ts';

type SchemaObject = Exclude<JsonSchema, boolean>;
type Check = (value: never, schema: SchemaObject, root: JsonSchema) => boolean;

/** `root` is where `$ref` looks. */
export function satisfies(value: unknown, schema: JsonSchema, root: JsonSchema): boolean {
  if (typeof schema === 'boolean') return schema;
  if (typeof schema.$ref === 'string') {
    const { $ref, ...rest } = schema;
    return satisfies(value, resolveRef($ref, root), root) && satisfies(value, rest, root);
  }
  if (!isOfType(value, schema.type)) return false;
  if ('const' in schema && !isEqual(value, schema.const)) return false;
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isEqual(value, one))) return false;
  return checkByType(value, schema, root) && checkCombined(value, schema, root);
}

/** Follows a `#/…` pointer; anything else, and a pointer to nowhere, allows everything. */
export function resolveRef(ref: string, root: JsonSchema): JsonSchema {
  let target: unknown = ref.startsWith('#') ? root : {};
  for (const step of ref.slice(1).split('/').filter(Boolean)) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    target = (target as Record<string, unknown> | undefined)?.[key];
  }
  return (target ?? {}) as JsonSchema;
}

function checkByType(value: unknown, schema: SchemaObject, root: JsonSchema): boolean {
  const check: Check | undefined = Array.isArray(value)
    ? checkArray
    : { string: checkString, number: checkNumber, object: checkObject }[typeof value as 'string'];
  return value === null || !check || check(value as never, schema, root);
}

function checkCombined(value: unknown, schema: SchemaObject, root: JsonSchema): boolean {
  const fits = (one: JsonSchema) => satisfies(value, one, root);
  const { not, if: condition, then, else: otherwise } = schema as Record<string, JsonSchema>;
  if (not !== undefined && fits(not)) return false;
  if (condition !== undefined && !fits((fits(condition) ? then : otherwise) ?? true)) return false;
  if (!list(schema.allOf).every(fits)) return false;
  if (schema.anyOf && !list(schema.anyOf).some(fits)) return false;
  return !schema.oneOf || list(schema.oneOf).filter(fits).length === 1;
}

function checkString(value: string, schema: SchemaObject): boolean {
  const length = Array.from(value).length;
  if (length < number(schema.minLength, 0) || length > number(schema.maxLength, Infinity))
    return false;
  if (typeof schema.pattern === 'string' && !matches(schema.pattern, value)) return false;
  const format = FORMATS[String(schema.format)];
  return !format || format.test(value);
}

/** The formats that are checked and made up. */
export const FORMATS: Record<string, RegExp> = {
  date: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/,
  time: /^\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})$/,
  'date-time': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})$/,
  email: /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  ipv4: /^(?:\d{1,3}\.){3}\d{1,3}$/,
  hostname: /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i,
  duration: /^P(?=.)(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?$/,
};

/** An invalid pattern constrains nothing: it is the tool author's mistake, not this caller's. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}

function checkNumber(value: number, schema: SchemaObject): boolean {
  const step = number(schema.multipleOf, 0);
  return (
    value >= number(schema.minimum, -Infinity) &&
    value <= number(schema.maximum, Infinity) &&
    value > number(schema.exclusiveMinimum, -Infinity) &&
    value < number(schema.exclusiveMaximum, Infinity) &&
    (step === 0 || Math.abs(value / step - Math.round(value / step)) < 1e-9)
  );
}

function checkArray(value: unknown[], schema: SchemaObject, root: JsonSchema): boolean {
  const { length } = value;
  if (length < number(schema.minItems, 0) || length > number(schema.maxItems, Infinity))
    return false;
  if (schema.uniqueItems === true && new Set(value.map(canonical)).size < length) return false;
  const first = list(schema.prefixItems);
  const rest = (schema.items ?? true) as JsonSchema;
  if (!value.every((item, i) => satisfies(item, first[i] ?? rest, root))) return false;
  const contained = schema.contains as JsonSchema | undefined;
  return contained === undefined || value.some((item) => satisfies(item, contained, root));
}

function checkObject(
  value: Record<string, unknown>,
  schema: SchemaObject,
  root: JsonSchema,
): boolean {
  const names = Object.keys(value);
  const required = (schema.required ?? []) as string[];
  if (!required.every((name) => Object.hasOwn(value, name))) return false;
  if (names.length < number(schema.minProperties, 0)) return false;
  if (names.length > number(schema.maxProperties, Infinity)) return false;
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const others = (schema.additionalProperties ?? true) as JsonSchema;
  return names.every((name) =>
    satisfies(value[name], Object.hasOwn(properties, name) ? properties[name]! : others, root),
  );
}

function isOfType(value: unknown, type: unknown): boolean {
  if (type === undefined) return true;
  if (Array.isArray(type)) return type.some((one) => isOfType(value, one));
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function isEqual(first: unknown, second: unknown): boolean {
  return canonical(first) === canonical(second);
}

/** JSON with sorted names, so that equal values have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function list(value: unknown): JsonSchema[] {
  return Array.isArray(value) ? (value as JsonSchema[]) : [];
}

function number(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
