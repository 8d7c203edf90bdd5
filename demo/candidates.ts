/** Candidate strings and numbers for a schema, best first: from the question, from the schema, made up. */
import type { Making } from './making.ts';
import type { Hints } from './hints.ts';
import { stringMatching } from './pattern.ts';
import type { PlainSchema } from './schema-merge.ts';

/** `take` is there when the value came from the question, and removes it from what is left to use. */
export type Candidates = Iterable<{ value: unknown; take?: () => void }>;

type Source = Exclude<keyof Hints, 'question' | 'answer' | 'numbers'>;

// The first pattern that fits the property's name tells where to look, in order.
const SOURCES: [RegExp, Source[]][] = [
  [/e-?mail/i, ['emails']],
  [/\b(?:url|uri|link|website)\b/i, ['urls']],
  [/uuid|guid/i, ['uuids']],
  [/origin|departure|\bfrom\b|source/i, ['origins', 'codes', 'places']],
  [/destination|arrival|\bto\b|target/i, ['destinations', 'codes', 'places']],
  [/expression|formula|equation/i, ['expressions']],
  [/location|city|place|town|address|country|state|region|where/i, ['places']],
  [/symbol|ticker|stock/i, ['codes', 'names']],
  [/time ?zone/i, []],
  [/\bdate|day|when|time/i, ['dates']],
  [/(?:\b|_)ids?\b|[a-z]Id\b|number|code|sku|reference/, ['uuids', 'codes']],
  [/name|person|user|recipient|customer|author|company|team|artist|language/i, ['quoted', 'names']],
];
const WHOLE_ANSWER =
  /answer|response|reply|explanation|summary|message|text|content|description|output|result|note|reason/i;
const WHOLE_QUESTION = /query|question|text|prompt|search|message|content|input|request|topic/i;

/** Strings for a property called `label`. */
export function* stringCandidates(plain: PlainSchema, label: string, making: Making): Candidates {
  const { hints } = making;
  if (hints.answer && WHOLE_ANSWER.test(label)) {
    yield { value: hints.answer.slice(0, Number(plain.maxLength ?? Infinity)) };
  }
  const sources = SOURCES.find(([pattern]) => pattern.test(spaced(label)))?.[1] ?? [];
  const asksWhole = WHOLE_QUESTION.test(label);
  for (const source of [...sourcesOfFormat(plain), ...sources, ...(asksWhole ? WANTED : [])]) {
    yield* offered(hints[source], plain.format === 'date-time' ? startOfDay : undefined);
  }
  if (/(?:\b|_)ids?\b|[a-z]Id\b|number|code/.test(label)) {
    yield* offered(hints.numbers, (value) => String(value));
  }
  if (sources.length === 0) yield* offered(hints.quoted);
  // A place is not the name of its zone; UTC is accepted everywhere.
  if (/time ?zone/i.test(spaced(label))) yield { value: 'UTC' };
  if (asksWhole) yield { value: hints.question.slice(0, Number(plain.maxLength ?? Infinity)) };
  yield* fromSchema(plain);
  if (sources.length === 0) yield { value: hints.names[0] };
  yield* madeUp(plain, label, making);
}

const WANTED: Source[] = ['quoted', 'searches'];

function sourcesOfFormat(plain: PlainSchema): Source[] {
  const known: Record<string, Source> = {
    email: 'emails',
    uri: 'urls',
    uuid: 'uuids',
    date: 'dates',
    'date-time': 'dates',
  };
  const source = known[String(plain.format)];
  return source ? [source] : [];
}

function* offered<T>(values: T[], change: (value: T) => unknown = (value) => value): Candidates {
  for (const value of values.slice()) {
    yield { value: change(value), take: () => values.splice(values.indexOf(value), 1) };
  }
}

/** The schema's own default and examples, the description's "e.g." among them. */
function* fromSchema(plain: PlainSchema): Candidates {
  yield { value: plain.default };
  for (const value of Array.isArray(plain.examples) ? plain.examples : []) yield { value };
  const said = /\be\.g\.,?:? ['"‘“`]?([^'"’”`();]+?)['"’”`]?(?:[.);]|$)/.exec(
    typeof plain.description === 'string' ? plain.description : '',
  );
  yield { value: said?.[1]?.trim() };
}

const FORMAT_EXAMPLES: Record<string, string> = {
  date: '2026-01-15',
  time: '09:00:00Z',
  'date-time': '2026-01-15T09:00:00Z',
  email: 'demo@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '192.0.2.1',
  hostname: 'example.com',
  duration: 'PT1H',
};

function* madeUp(plain: PlainSchema, label: string, making: Making): Candidates {
  const least = Number(plain.minLength ?? 0);
  const most = Number(plain.maxLength ?? Infinity);
  const example = FORMAT_EXAMPLES[String(plain.format)];
  if (example) yield { value: varied(example, making.variant) };
  if (typeof plain.pattern === 'string') {
    // A longer match is a different one, where the pattern allows it.
    yield { value: stringMatching(plain.pattern, least + making.variant, most) };
    yield { value: stringMatching(plain.pattern, least, most) };
  }
  const words =
    `example ${spaced(label).trim()}`.trim() + (making.variant ? ` ${making.variant + 1}` : '');
  yield { value: words };
  const long = words.repeat(Math.ceil(Math.max(least, 1) / words.length));
  yield {
    value: Array.from(long)
      .slice(0, Math.min(most, Math.max(least, 1)))
      .join(''),
  };
  yield { value: Array.from(words).reverse().slice(0, most).join('') };
}

/** Replaces the last digits, so that "one per item" is possible for any format. */
function varied(example: string, variant: number): string {
  if (variant === 0) return example;
  if (!/\d/.test(example)) return example.replace(/(?=@|\.com)/, String(variant + 1));
  const digits = String(variant).padStart(2, '0').slice(-2);
  return example.replace(/(\d{1,2})(?=\D*$)/, (last) => digits.slice(-last.length));
}

function startOfDay(date: string): string {
  return /T/.test(date) ? date : `${date}T09:00:00Z`;
}

/** Numbers: the question's, the schema's, then around its limits. */
export function* numberCandidates(plain: PlainSchema, making: Making): Candidates {
  yield* offered(making.hints.numbers);
  if (making.variant === 0) yield* fromSchema(plain);
  const step = Number(plain.multipleOf ?? 1);
  const least = Number(plain.minimum ?? plain.exclusiveMinimum ?? -Infinity);
  const most = Number(plain.maximum ?? plain.exclusiveMaximum ?? Infinity);
  const { variant } = making;
  yield { value: step * (1 + variant) };
  if (variant === 0) yield { value: 0 };
  if (Number.isFinite(least)) {
    yield { value: Math.ceil(least / step) * step + step * variant };
    yield { value: (Math.floor(least / step) + 1 + variant) * step };
  }
  if (Number.isFinite(most)) {
    yield { value: Math.floor(most / step) * step - step * variant };
    yield { value: (Math.ceil(most / step) - 1 - variant) * step };
  }
  if (Number.isFinite(least) && Number.isFinite(most)) {
    yield { value: least + ((most - least) * (variant + 1)) / (variant + 2) };
  }
  yield { value: least };
  yield { value: most };
}

function spaced(label: string): string {
  return label.replace(/_+/g, ' ').replace(/([a-z])([A-Z])/g, '$1 $2');
}
