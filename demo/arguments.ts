/** Makes values that satisfy a JSON schema, taken from the question where it offers any. Deterministic. */
import type { Hints } from './hints.ts';
import type { JsonSchema } from './request.ts';
import { satisfies } from './schema-check.ts';
import { flatten, merge, type PlainSchema } from './schema-merge.ts';
import { numberCandidates, stringCandidates, type Candidates } from './candidates.ts';
import type { Making } from './making.ts';

/** Beyond this depth only what is required is made: a schema may contain itself. */
const DEPTH = 4;

/** The arguments of one function call; `{}` for a function without parameters. */
export function makeArguments(parameters: JsonSchema | undefined, hints: Hints): object {
  const value = makeValue(parameters ?? {}, hints);
  return typeof value === 'object' && value !== null ? value : {};
}

/** A value for any schema. The result satisfies it unless it is contradictory or beyond what this understands. */
export function makeValue(schema: JsonSchema, hints: Hints): unknown {
  const typed = typeof schema === 'boolean' ? {} : schema;
  const isOpen = !['type', '$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const'].some(
    (k) => k in typed,
  );
  const root = isOpen ? { type: 'object', ...typed } : typed;
  return make(root, '', {
    root,
    hints: structuredClone(hints),
    depth: 0,
    taken: 0,
    variant: 0,
    mentioned: new Set(),
  });
}

function make(schema: JsonSchema, label: string, making: Making): unknown {
  // Only a schema that no finite value satisfies comes down here.
  if (making.depth > 40) return null;
  const plain = flatten(schema, making.root);
  if ('const' in plain) return plain.const;
  if (Array.isArray(plain.enum)) return chooseEnum(plain, making);
  for (const keyword of ['anyOf', 'oneOf'] as const) {
    if (Array.isArray(plain[keyword])) return makeBranch(plain, keyword, label, making);
  }
  const value = makeByType(plain, label, making);
  if (plain.if === undefined || satisfies(value, plain, making.root)) return value;
  const { if: condition, then, else: otherwise, ...rest } = plain;
  const branches = [then === undefined ? undefined : { allOf: [condition, then] }, otherwise];
  const conditional = branches.filter((one) => one !== undefined) as JsonSchema[];
  return firstFitting(conditional, rest, plain, label, making) ?? value;
}

function makeBranch(
  plain: PlainSchema,
  keyword: 'anyOf' | 'oneOf',
  label: string,
  making: Making,
): unknown {
  const { [keyword]: branches, ...rest } = plain;
  const ordered = (branches as JsonSchema[]).toSorted(
    (a, b) => weight(a, making) - weight(b, making),
  );
  return firstFitting(ordered, rest, plain, label, making);
}

/** Null last, except deep down, where it ends a schema that contains itself. */
function weight(branch: JsonSchema, making: Making): number {
  const { type } = flatten(branch, making.root);
  const isDeep = making.depth >= DEPTH;
  if (type === 'null') return isDeep ? 0 : 9;
  return isDeep && (type === 'object' || type === 'array' || type === undefined) ? 5 : 1;
}

function firstFitting(
  branches: JsonSchema[],
  rest: PlainSchema,
  whole: PlainSchema,
  label: string,
  making: Making,
): unknown {
  let first: unknown;
  for (const [index, branch] of branches.entries()) {
    const value = make(merge(rest, flatten(branch, making.root)), label, making);
    if (satisfies(value, whole, making.root)) return value;
    if (index === 0) first = value;
  }
  return first;
}

function makeByType(plain: PlainSchema, label: string, making: Making): unknown {
  const text = typeof plain.title === 'string' ? `${label} ${plain.title}` : label;
  switch (typeOf(plain)) {
    case 'object':
      return makeObject(plain, making);
    case 'array':
      return makeArray(plain, label, making);
    case 'null':
      return null;
    case 'boolean':
      return makeBoolean(plain, text, making);
    case 'integer':
    case 'number':
      return choose(numberCandidates(plain, making), plain, making) ?? 0;
    default:
      return choose(stringCandidates(plain, text, making), plain, making) ?? '';
  }
}

function typeOf(plain: PlainSchema): unknown {
  if (Array.isArray(plain.type)) return plain.type.find((one) => one !== 'null') ?? 'null';
  if (plain.type !== undefined) return plain.type;
  if (plain.properties ?? plain.required ?? plain.additionalProperties) return 'object';
  if (plain.items ?? plain.prefixItems ?? plain.minItems) return 'array';
  const isNumber = ['minimum', 'maximum', 'exclusiveMinimum', 'multipleOf'].some((k) => k in plain);
  return isNumber ? 'number' : 'string';
}

/** The first candidate that satisfies the schema. One from the question is used up. */
function choose(candidates: Candidates, plain: PlainSchema, making: Making): unknown {
  for (const { value, take } of candidates) {
    if (value === undefined || !satisfies(value, plain, making.root)) continue;
    if (take) making.taken++;
    take?.();
    return value;
  }
  return undefined;
}

function chooseEnum(plain: PlainSchema, making: Making): unknown {
  const values = (plain.enum as unknown[]).filter((one) => satisfies(one, plain, making.root));
  const mentioned = firstMentioned(values, making);
  if (mentioned !== undefined) {
    making.taken++;
    making.mentioned.add(mentioned);
    return mentioned;
  }
  if (values.includes(plain.default) && making.variant === 0) return plain.default;
  return values[making.variant % Math.max(1, values.length)];
}

/** In the order of the question, each once: "from USD to EUR" fills two properties with the same choices. */
function firstMentioned(values: unknown[], making: Making): unknown {
  const places = values
    .filter((value) => !making.mentioned.has(value))
    .map((value) => ({ value, at: placeOf(String(value), making.hints.question) }))
    .filter(({ at }) => at >= 0);
  return places.sort((a, b) => a.at - b.at)[0]?.value;
}

function placeOf(value: string, question: string): number {
  const words = value.replace(/[_-]+/g, ' ').replace(/[^\w ]/g, String.raw`\$&`);
  return words === '' ? -1 : question.search(new RegExp(`(?<!\\w)${words}(?!\\w)`, 'i'));
}

function makeBoolean(plain: PlainSchema, label: string, making: Making): boolean {
  const words = label.toLowerCase().match(/[a-z]+/g) ?? [];
  const asked = new Set(making.hints.question.toLowerCase().match(/[a-z]+/g));
  if (words.some((word) => asked.has(word))) {
    making.taken++;
    return true;
  }
  return plain.default === true;
}

function makeObject(plain: PlainSchema, making: Making): Record<string, unknown> {
  const properties = (plain.properties ?? {}) as Record<string, JsonSchema>;
  const required = (plain.required ?? []) as string[];
  const value: Record<string, unknown> = {};
  const inner = { ...making, depth: making.depth + 1 };
  for (const name of required) {
    const others = (plain.additionalProperties ?? { type: 'string' }) as JsonSchema;
    value[name] = make(properties[name] ?? others, name, inner);
  }
  // Authors often leave `required` out; then everything is meant, unless the schema may contain itself.
  const giveAll = required.length === 0 && making.depth < 2;
  for (const name of Object.keys(properties).filter((one) => !required.includes(one))) {
    if (inner.depth > DEPTH) break;
    const before = inner.taken;
    const made = make(properties[name]!, name, inner);
    if (giveAll || inner.taken > before) value[name] = made;
  }
  making.taken = inner.taken;
  addMissing(value, plain, properties, inner);
  return value;
}

function addMissing(
  value: Record<string, unknown>,
  plain: PlainSchema,
  properties: Record<string, JsonSchema>,
  making: Making,
): void {
  const least = Number(plain.minProperties ?? 0);
  const names = [
    ...Object.keys(properties),
    ...Array.from({ length: least }, (_, i) => `key${i + 1}`),
  ];
  const others = (plain.additionalProperties ?? { type: 'string' }) as JsonSchema;
  for (const name of names) {
    if (Object.keys(value).length >= least) return;
    value[name] ??= make(properties[name] ?? others, name, making);
  }
}

function makeArray(plain: PlainSchema, label: string, making: Making): unknown[] {
  const fixed = (plain.prefixItems ?? []) as JsonSchema[];
  const least = Number(plain.minItems ?? 0);
  const most = Number(plain.maxItems ?? Infinity);
  const wanted = making.depth >= DEPTH ? least : Math.max(least, fixed.length, 1);
  const items: unknown[] = [];
  const inner = { ...making, depth: making.depth + 1 };
  // Items go on while the question has more of them: "the mean of 3, 4 and 8" fills an array of numbers.
  for (
    let before = Infinity;
    items.length < most && (items.length < wanted || inner.taken > before);
  ) {
    if (items.length >= 50 + least) break;
    before = inner.taken;
    const schema = itemSchema(plain, fixed, items.length);
    if (schema === false) break;
    const item = makeItem(schema, label.replace(/s$/, ''), items, plain, inner);
    if (item === undefined) break;
    if (items.length < wanted || inner.taken > before) items.push(item);
  }
  making.taken = inner.taken;
  return items;
}

function itemSchema(plain: PlainSchema, fixed: JsonSchema[], index: number): JsonSchema {
  if (index === 0 && plain.contains) {
    return { allOf: [fixed[0] ?? (plain.items as JsonSchema) ?? {}, plain.contains] };
  }
  return fixed[index] ?? (plain.items as JsonSchema | undefined) ?? { type: 'string' };
}

function makeItem(
  schema: JsonSchema,
  label: string,
  items: unknown[],
  plain: PlainSchema,
  making: Making,
): unknown {
  const seen = new Set(items.map((item) => JSON.stringify(item)));
  for (making.variant = 0; making.variant < 40; making.variant++) {
    const item = make(schema, label, making);
    const isNew = plain.uniqueItems !== true || !seen.has(JSON.stringify(item));
    if (isNew) {
      making.variant = 0;
      return item;
    }
  }
  return undefined;
}
