import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { makeArguments, makeValue } from '../../demo/arguments.ts';
import { readHints } from '../../demo/hints.ts';
import type { JsonSchema } from '../../demo/request.ts';
import { FORMATS, satisfies } from '../../demo/schema-check.ts';

const ajv = new Ajv2020({ strict: false });
for (const [name, pattern] of Object.entries(FORMATS)) ajv.addFormat(name, pattern);

const TODAY = '2026-03-01';
const hintsOf = (question: string) => readHints(question, TODAY);

const object = (properties: Record<string, JsonSchema>, more: object = {}): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});

const TREE: JsonSchema = {
  ...(object({
    value: { type: 'string' },
    children: { type: 'array', items: { $ref: '#' } },
  }) as object),
};
const LINKED: JsonSchema = object(
  { head: { $ref: '#/$defs/node' } },
  {
    $defs: {
      node: object({
        value: { type: 'number' },
        next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
      }),
    },
  },
);

const SCHEMAS: Record<string, JsonSchema> = {
  'no parameters': { type: 'object', properties: {} },
  'every primitive': object({
    s: { type: 'string' },
    n: { type: 'number' },
    i: { type: 'integer' },
    b: { type: 'boolean' },
    z: { type: 'null' },
  }),
  enum: object({ unit: { type: 'string', enum: ['Celsius', 'Fahrenheit'] } }),
  'enum of mixed types': object({ one: { enum: [3, null, 'x'] } }),
  const: object({ kind: { const: 'circle' }, version: { const: 2 } }),
  'inclusive limits': object({ n: { type: 'integer', minimum: 18, maximum: 18 } }),
  'exclusive limits': object({ n: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 } }),
  'negative limits': object({ n: { type: 'integer', maximum: -5 } }),
  multipleOf: object({ n: { type: 'integer', multipleOf: 7, minimum: 50 } }),
  'fractional multipleOf': object({ n: { type: 'number', multipleOf: 0.25, minimum: 0.6 } }),
  'string lengths': object({
    long: { type: 'string', minLength: 60 },
    short: { type: 'string', maxLength: 2 },
    exact: { type: 'string', minLength: 5, maxLength: 5 },
  }),
  patterns: object({
    plate: { type: 'string', pattern: '^[A-Z]{2}-\\d{4}$' },
    slug: { type: 'string', pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$', minLength: 8 },
    choice: { type: 'string', pattern: '^(north|south)_[^a-z]+\\.txt$' },
    phone: { type: 'string', pattern: '^\\+?[1-9]\\d{6,14}$' },
  }),
  formats: object({
    date: { type: 'string', format: 'date' },
    at: { type: 'string', format: 'date-time' },
    time: { type: 'string', format: 'time' },
    mail: { type: 'string', format: 'email' },
    link: { type: 'string', format: 'uri' },
    key: { type: 'string', format: 'uuid' },
    host: { type: 'string', format: 'hostname' },
    address: { type: 'string', format: 'ipv4' },
    length: { type: 'string', format: 'duration' },
  }),
  arrays: object({
    tags: { type: 'array', items: { type: 'string' }, minItems: 3, maxItems: 4 },
    numbers: { type: 'array', items: { type: 'number' } },
    empty: { type: 'array', maxItems: 0 },
    anything: { type: 'array' },
  }),
  'unique items': object({
    names: { type: 'array', items: { type: 'string' }, minItems: 3, uniqueItems: true },
    digits: {
      type: 'array',
      items: { type: 'integer', minimum: 4 },
      minItems: 3,
      uniqueItems: true,
    },
    picks: { type: 'array', items: { enum: ['a', 'b', 'c'] }, minItems: 3, uniqueItems: true },
    days: {
      type: 'array',
      items: { type: 'string', format: 'date' },
      minItems: 2,
      uniqueItems: true,
    },
  }),
  tuples: object({
    point: { type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }], items: false },
  }),
  contains: object({
    codes: { type: 'array', items: { type: 'integer' }, contains: { const: 42 }, minItems: 2 },
  }),
  nested: object({
    customer: object({
      name: { type: 'string' },
      address: object({ street: { type: 'string' }, zip: { type: 'string', pattern: '^\\d{5}$' } }),
    }),
    lines: {
      type: 'array',
      minItems: 1,
      items: object({ sku: { type: 'string' }, quantity: { type: 'integer', minimum: 1 } }),
    },
  }),
  anyOf: object({ id: { anyOf: [{ type: 'integer' }, { type: 'string' }] } }),
  'oneOf with overlap': object({
    n: {
      oneOf: [
        { type: 'number', multipleOf: 5 },
        { type: 'number', multipleOf: 3 },
      ],
    },
  }),
  'oneOf objects told apart by const': {
    type: 'object',
    oneOf: [
      {
        properties: { kind: { const: 'email' }, to: { type: 'string' } },
        required: ['kind', 'to'],
      },
      {
        properties: { kind: { const: 'sms' }, phone: { type: 'string' } },
        required: ['kind', 'phone'],
      },
    ],
  },
  allOf: {
    allOf: [
      object({ a: { type: 'string' } }, { additionalProperties: true }),
      { properties: { a: { minLength: 30 }, b: { type: 'integer' } }, required: ['b'] },
    ],
  },
  $ref: object(
    { from: { $ref: '#/$defs/place' }, to: { $ref: '#/$defs/place' } },
    {
      $defs: {
        place: object({ city: { type: 'string' }, country: { $ref: '#/$defs/code' } }),
        code: { enum: ['DE', 'FR'] },
      },
    },
  ),
  '$ref with escapes': object(
    { x: { $ref: '#/definitions/a~1b%20c' } },
    { definitions: { 'a/b c': { type: 'integer' } } },
  ),
  'a schema that contains itself': TREE,
  'a linked list': LINKED,
  nullable: object({ note: { type: ['string', 'null'] }, n: { type: ['null', 'integer'] } }),
  'types left out': object({
    inner: { properties: { a: { type: 'string' } }, required: ['a'] },
    items: { items: { type: 'integer' }, minItems: 1 },
    limit: { minimum: 3 },
    any: {},
  }),
  // As JSON: an object literal with `then` looks like a promise to the linter.
  'if then else': JSON.parse(`{
    "type": "object",
    "properties": { "country": { "enum": ["US", "CA"] }, "code": { "type": "string" } },
    "required": ["country", "code"],
    "if": { "properties": { "country": { "const": "US" } } },
    "then": { "properties": { "code": { "pattern": "^[0-9]{5}$" } } },
    "else": { "properties": { "code": { "pattern": "^[A-Z][0-9][A-Z]$" } } }
  }`) as JsonSchema,
  not: object({ word: { type: 'string', not: { const: 'example word' } } }),
  'a map': { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 },
  'required but not described': { type: 'object', required: ['mystery'] },
  'optional only': {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'integer' } },
  },
  'an impossible hint': object({
    city: { type: 'string', maxLength: 4 },
    year: { type: 'integer', minimum: 1900 },
  }),
};

const QUESTIONS = [
  '',
  'What\'s the weather in San Francisco today and the likelihood it\'ll rain? Use "metric" units, 3 times.',
  'Send 12,500.75 to ann@example.com from Berlin, Germany on 2026-04-05, see https://example.com/a?b=c (order #A-17)',
];

test.each(Object.entries(SCHEMAS))('arguments satisfy the schema: %s', (_, schema) => {
  const validate = ajv.compile(schema as object);
  for (const question of QUESTIONS) {
    const value = makeArguments(schema, hintsOf(question));
    expect(validate(value), JSON.stringify([question, value, validate.errors])).toBe(true);
    expect(satisfies(value, schema, schema)).toBe(true);
    expect(makeArguments(schema, hintsOf(question))).toEqual(value);
  }
});

test('our own check and ajv agree on what does not fit', () => {
  const wrong: unknown[] = [
    null,
    'text',
    3.5,
    [],
    {},
    { n: 1e9, s: 1, unit: 'Kelvin', id: false, head: {} },
  ];
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    const validate = ajv.compile(schema as object);
    for (const value of wrong) {
      expect([name, value, satisfies(value, schema, schema)]).toEqual([
        name,
        value,
        validate(value),
      ]);
    }
  }
});

test('an array or a string at the top works for response formats', () => {
  expect(
    makeValue({ type: 'array', items: { type: 'integer' }, minItems: 2 }, hintsOf('7')),
  ).toEqual([7, 1]);
  expect(makeValue({ type: 'string', enum: ['yes', 'no'] }, hintsOf('say no'))).toBe('no');
  expect(makeValue(true, hintsOf(''))).toEqual({});
});

const string: JsonSchema = { type: 'string' };
const number: JsonSchema = { type: 'number' };

test.each<[string, Record<string, JsonSchema>, object]>([
  [
    "What's the weather in San Francisco today?",
    { location: string },
    { location: 'San Francisco' },
  ],
  [
    'How warm is it in Paris, France in celsius?',
    { city: string, unit: { enum: ['fahrenheit', 'celsius'] } },
    { city: 'Paris, France', unit: 'celsius' },
  ],
  [
    'weather in new york tomorrow',
    { location: string, date: { type: 'string', format: 'date' } },
    { location: 'New York', date: '2026-03-02' },
  ],
  [
    'Fly from Oslo to Rome on 2026-05-06',
    { origin: string, destination: string, date: string },
    { origin: 'Oslo', destination: 'Rome', date: '2026-05-06' },
  ],
  ['Add 17 and 23', { a: number, b: number }, { a: 17, b: 23 }],
  ['mean of 3, 4 and 8', { values: { type: 'array', items: number } }, { values: [3, 4, 8] }],
  [
    'Compare Paris and London',
    { locations: { type: 'array', items: string } },
    { locations: ['Paris', 'London'] },
  ],
  ['Price of AAPL?', { symbol: string }, { symbol: 'AAPL' }],
  ['Search the web for durable execution.', { query: string }, { query: 'durable execution' }],
  ['What is 3 + 4?', { expression: string }, { expression: '3 + 4' }],
  [
    'Convert 100 USD to EUR',
    { amount: number, from: string, to: string },
    { amount: 100, from: 'USD', to: 'EUR' },
  ],
  ['Turn it on', { on: { type: 'boolean' } }, { on: true }],
  ['Search for "durable execution"', { query: string }, { query: 'durable execution' }],
  ['Where is order #A-17?', { order_id: string }, { order_id: 'A-17' }],
  ['Mail ann@example.com', { to_email: string }, { to_email: 'ann@example.com' }],
  [
    'What is the nickname of New York City?',
    { city: { ...(string as object), description: 'e.g. San Francisco, CA' } },
    { city: 'New York City' },
  ],
  [
    'Tell me',
    { city: { ...(string as object), description: 'The city, e.g. San Francisco, CA' } },
    { city: 'San Francisco, CA' },
  ],
])('takes values from the question: %s', (question, properties, expected) => {
  expect(makeArguments(object(properties), hintsOf(question))).toEqual(expected);
});

test.each([
  ["I'm Ann. Compare the weather in Paris, London and New York!", ['Paris', 'London', 'New York']],
  ['weather in san francisco today', ['San Francisco']],
  ['How is Tokyo on Monday?', ['Tokyo']],
  ['Hello there', []],
])('finds the places in: %s', (question, places) => {
  expect(hintsOf(question).places).toEqual(places);
});

test('fills two properties with the same choices in the order of the question', () => {
  const currency: JsonSchema = { enum: ['EUR', 'GBP', 'USD'] };
  const schema = object({ from: currency, to: currency, amount: number });
  expect(makeArguments(schema, hintsOf('Convert 20 USD to EUR'))).toEqual({
    from: 'USD',
    to: 'EUR',
    amount: 20,
  });
});

test('gives an optional property only when the question names its value', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      city: string,
      unit: { enum: ['celsius', 'fahrenheit'] },
      days: { type: 'integer' },
    },
    required: ['city'],
  };
  expect(makeArguments(schema, hintsOf('Weather in Rome?'))).toEqual({ city: 'Rome' });
  expect(makeArguments(schema, hintsOf('Weather in Rome in fahrenheit for 3 days?'))).toEqual({
    city: 'Rome',
    unit: 'fahrenheit',
    days: 3,
  });
});
