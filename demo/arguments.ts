/** Makes a value for a JSON schema, out of the question where it offers one. */
import { z } from 'zod';
import type { JsonSchema } from './request.ts';

/** What a question offers, by kind; `answer` is for properties that ask for one in words. */
export type Hints = { question: string; answer?: string; found: Record<Kind, string[]> };
type Kind = keyof typeof PATTERNS;

const NAME = String.raw`(?!Celsius|Fahrenheit)\p{Lu}[\p{L}'’-]+(?: \p{Lu}[\p{L}'’-]+)*(?:, [A-Z]{2}\b)?`;
const PLACE = String.raw`(?<=\b(?:[Ii]n|at|for|of|from|to) (?:${NAME}(?:,| and|, and| or) )*)${NAME}`;
const PATTERNS = {
  number: /(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])/g,
  email: /[^\s@<>"',]+@[^\s@<>"',]+\.[a-z]{2,}/gi,
  date: /\b\d{4}-\d{2}-\d{2}\b|\btoday\b|\btomorrow\b/gi,
  code: /(?<=#)[\w-]+|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{3,}\b|\b[A-Z]{3,5}\b/g,
  quoted: /(?<=["“])[^"“”]+(?=["”])/g,
  place: new RegExp(PLACE, 'gu'),
  name: new RegExp(`(?<!^|[.?!] )${NAME}`, 'gu'),
  lower: /(?<=\b(?:in|at|for) )(?!the |my )[a-z]{3,}(?: [a-z]{4,})?(?= and| to|[?.!,]|$)/g,
};

export function readHints(question: string): Hints {
  const found = {} as Hints['found'];
  for (const kind in PATTERNS) found[kind as Kind] = question.match(PATTERNS[kind as Kind]) ?? [];
  return { question, found };
}

type Schema = JsonSchema & {
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
};
/** `taken` has the values that came from the question. */
type Context = { root: Schema; hints: Hints; taken: unknown[] };
/** Deeper down a schema that contains itself ends. */
const DEPTH = 4;

export function makeValue(schema: JsonSchema, hints: Hints): unknown {
  return make(schema, '', { root: schema, hints: structuredClone(hints), taken: [] }, 0);
}

function make(schema: Schema, name: string, context: Context, depth: number): unknown {
  const plain = resolve(schema, context.root, depth > DEPTH);
  if ('const' in plain) return plain.const;
  if (plain.enum) return takeNamed(plain.enum, context) ?? plain.default ?? plain.enum[0];
  const guess = plain.properties ? 'object' : plain.items ? 'array' : 'string';
  const type = [plain.type ?? guess].flat().find((one) => one !== 'null');
  if (type === 'object') return makeObject(plain, context, depth + 1);
  if (type === 'array') return makeArray(plain, name, context, depth + 1);
  if (type === 'boolean') return takeNamed([name], context) !== undefined || plain.default === true;
  return type === undefined ? null : makeScalar(plain, name, context);
}

/** Follows references. Takes the first alternative that is not null; deep in a schema, the null alternative. */
function resolve(schema: Schema, root: Schema, isDeep: boolean): Schema {
  const { $ref, anyOf = [], ...plain } = Object(schema) as Schema;
  const branch = anyOf.find(({ type }) => (type === 'null') === isDeep) ?? anyOf[0];
  const path = typeof $ref === 'string' ? $ref.split('/').slice(1) : undefined;
  const target = path?.reduce((at, key) => at[key] as Schema, root) ?? branch;
  return target ? { ...plain, ...resolve(target, root, isDeep) } : plain;
}

/** The choice that the question names first: "from USD to EUR" fills two properties. */
function takeNamed(choices: unknown[], { hints, taken }: Context): unknown {
  const question = hints.question.toLowerCase();
  const place = (choice: unknown) => question.indexOf(String(choice).toLowerCase());
  const named = choices.filter((choice) => place(choice) >= 0 && !taken.includes(choice));
  const first = named.toSorted((a, b) => place(a) - place(b))[0];
  if (first !== undefined) taken.push(first);
  return first;
}

/** An optional property is given only when its value came from the question, unless all are optional. */
function makeObject(plain: Schema, context: Context, depth: number): object {
  const { properties = {}, required = depth > DEPTH ? [] : Object.keys(properties) } = plain;
  const names = depth > DEPTH ? required : new Set([...required, ...Object.keys(properties)]);
  const value: Record<string, unknown> = {};
  for (const name of names) {
    const before = context.taken.length;
    const made = make(properties[name] ?? {}, name, context, depth);
    if (required.includes(name) || context.taken.length > before) value[name] = made;
  }
  return value;
}

/** Items go on while the question has more of them: "the mean of 3, 4 and 8". */
function makeArray(plain: Schema, name: string, context: Context, depth: number): unknown[] {
  const { minItems = depth > DEPTH ? 0 : 1, maxItems = 50 } = plain as Record<string, number>;
  const most = depth > DEPTH ? minItems : maxItems;
  const items: unknown[] = [];
  while (items.length < most) {
    const before = context.taken.length;
    const item = make(plain.items ?? {}, name.replace(/s$/, ''), context, depth);
    if (items.length >= minItems && context.taken.length === before) break;
    items.push(item);
  }
  return items;
}

/** Where the question has the value of a property, by its format and name. */
const SOURCES: [RegExp, Kind[]][] = [
  [/mail/i, ['email']],
  [/date|day|when/i, ['date']],
  [/origin|destination|location|city|place|town|country/i, ['place', 'name', 'lower']],
  [/symbol|ticker|currency|from|\bto$|id$|number|code|sku/i, ['code', 'number', 'place']],
  [/name|person|user|author|title/i, ['quoted', 'name']],
];
const QUESTION = /quer|question|prompt|text|message|content|input|topic|expression/i;
const ANSWER = /answer|response|explanation|summary|text|message|content|output|result|reason/i;
const EXAMPLES = ['2026-01-15', '2026-01-15T09:00:00Z', 'a@example.com', 'https://example.com/'];

const isNumeric = (plain: Schema) => /number|integer/.test(String(plain.type));

/** A text or a number: the question's, the schema's own, or an example. */
function makeScalar(plain: Schema, name: string, context: Context): unknown {
  const [, kinds] = SOURCES.find(([words]) => words.test(`${String(plain.format)} ${name}`)) ?? [];
  const found = takeFitting(isNumeric(plain) ? ['number'] : (kinds ?? []), plain, context);
  if (found !== undefined) return found;
  const examples = isNumeric(plain) ? exampleNumbers(plain) : exampleTexts(plain, name, context);
  const fitting = [plain.default, ...examples].filter((one) => one !== undefined);
  return fitting.find((one) => fits(one, plain)) ?? examples.at(-1);
}

/** The first value of these kinds in the question that satisfies the schema. No other property gets it again. */
function takeFitting(kinds: Kind[], plain: Schema, { hints, taken }: Context): unknown {
  const read = (text: string) => (isNumeric(plain) ? Number(text) : text);
  for (const values of kinds.map((kind) => hints.found[kind])) {
    const at = values.findIndex((text) => fits(read(text), plain));
    if (at < 0) continue;
    taken.push(values[at]);
    return read(values.splice(at, 1)[0]!);
  }
  return undefined;
}

function exampleNumbers(plain: Schema): number[] {
  const { minimum = 0, maximum = 0, multipleOf = 1 } = plain as Record<string, number>;
  return [1, 0, minimum, minimum + 1, maximum, maximum - 1, multipleOf];
}

function exampleTexts(plain: Schema, name: string, { hints }: Context): (string | undefined)[] {
  const { minLength = 0, maxLength } = plain as Record<string, number>;
  const example = `example ${name.replaceAll('_', ' ')}`.padEnd(minLength, '.').slice(0, maxLength);
  const asked = QUESTION.test(name) ? hints.question : undefined;
  return [ANSWER.test(name) ? hints.answer : undefined, asked, example, ...EXAMPLES];
}

/** Whether a value satisfies its schema. One that zod does not understand allows everything. */
function fits(value: unknown, plain: Schema): boolean {
  try {
    return z.fromJSONSchema(plain as z.core.JSONSchema.JSONSchema).safeParse(value).success;
  } catch {
    return true;
  }
}
