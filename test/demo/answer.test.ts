import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { ask, callsOf, converse, functionTool, NOTICE, textOf, user } from './chat.ts';

const string = { type: 'string' };
const unit = { ...string, enum: ['Celsius', 'Fahrenheit'] };
const WEATHER = [
  functionTool('get_current_temperature', 'The temperature now', { location: string, unit }),
  functionTool('get_rain_probability', 'The probability of rain', { location: string }),
];
const QUESTION = "What's the weather in San Francisco today and the likelihood it'll rain?";

test('calls the functions of a question one after another when asked to, and says what they gave', () => {
  const fields = { tools: WEATHER, parallel_tool_calls: false };
  expect(callsOf(ask([user(QUESTION)], fields))).toHaveLength(1);
  const { text } = converse([user(QUESTION)], fields, (name) => (/rain/.test(name) ? '6 %' : '14'));
  const temperature = 'The current temperature in San Francisco (Celsius) is 14.';
  expect(text).toBe(`${temperature}\nThe rain probability in San Francisco is 6 %.\n\n${NOTICE}`);
});

test('calls a function once per place, and again for a later question', () => {
  const tools = [functionTool('get_weather', 'Get the weather', { city: string })];
  const both = user('Is it warmer in Paris or in Rome?');
  expect(callsOf(ask([both], { tools })).map(([, args]) => args.city)).toEqual(['Paris', 'Rome']);
  const { text } = converse([both], { tools }, () => 'mild');
  const messages = [both, { role: 'assistant', content: text }, user('And the weather in Oslo?')];
  expect(callsOf(ask(messages, { tools }))).toEqual([['get_weather', { city: 'Oslo' }]]);
});

test.each([
  ['What does AAPL stock cost right now?', ['get_stock_price', { symbol: 'AAPL' }]],
  ['Where is my order #A-17?', ['get_order_status', { order_id: 'A-17' }]],
  ['Please cancel order #A-17', ['cancel_order', { order_id: 'A-17' }]],
  ['Send a mail to ann@example.com', ['sendEmail', { to_email: 'ann@example.com' }]],
  ['Add 5 and 5', ['add', { a: 5, b: 5 }]],
  ['weather in new york?', ['get_current_temperature', { location: 'new york', unit: 'Celsius' }]],
  ['Convert 20 USD to EUR', ['convert', { amount: 20, from: 'USD', to: 'EUR' }]],
  ['Hello there!', undefined],
])('chooses the function and its arguments: %s', (question, expected) => {
  const number = { type: 'number' };
  const tools = [
    ...WEATHER,
    functionTool('get_stock_price', 'Get the price of a stock', { symbol: string }),
    functionTool('get_order_status', 'Look up an order', { order_id: string }),
    functionTool('cancel_order', 'Cancel an order', { order_id: string }),
    functionTool('sendEmail', 'Send an e-mail', { to_email: { ...string, format: 'email' } }),
    functionTool('add', 'Add two numbers', { a: number, b: number }),
    functionTool('convert', 'Convert money', { amount: number, from: string, to: string }),
  ];
  expect(callsOf(ask([user(question)], { tools })).at(-1)).toEqual(expected);
});

test('obeys tool_choice on the first step, and stops after it', () => {
  const run = (tool_choice: unknown) =>
    converse([user('Hello')], { tools: WEATHER, tool_choice }, () => 'fine').called;
  expect(run('required')).toEqual(['get_current_temperature']);
  const named = { type: 'function', function: { name: 'get_rain_probability' } };
  expect(run(named)).toEqual(['get_rain_probability']);
  expect(callsOf(ask([user(QUESTION)], { tools: WEATHER, tool_choice: 'none' }))).toEqual([]);
});

const object = (properties: object, required = Object.keys(properties)) => {
  return { type: 'object', properties, required, additionalProperties: false };
};
const text = (limits: object) => ({ ...string, ...limits });
const integer = (limits: object) => ({ type: 'integer', ...limits });
const boolean = { type: 'boolean' };
const node = object({ next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } });
const SCHEMAS: Record<string, object> = {
  'plain types': object({ s: string, n: { type: 'number' }, i: integer({}), b: boolean }),
  'null and const': object({
    z: { type: 'null' },
    kind: { const: 0 },
    m: { type: ['null', 'string'] },
  }),
  ranges: object({ age: integer({ minimum: 18, maximum: 18 }), step: integer({ multipleOf: 7 }) }),
  lengths: object({ long: text({ minLength: 60 }), short: text({ maxLength: 2 }) }),
  dates: object({ day: text({ format: 'date' }), at: text({ format: 'date-time' }) }),
  addresses: object({ mail: text({ format: 'email' }), link: text({ format: 'uri' }) }),
  nested: object({ lines: { type: 'array', minItems: 2, items: object({ sku: string }) } }),
  'a schema that contains itself': object({ below: { type: 'array', items: { $ref: '#' } } }),
  'a linked list': { ...object({ head: { $ref: '#/$defs/node' } }), $defs: { node } },
  'all optional': object({ a: string, b: integer({}) }, []),
};
const known: Record<string, true> = { date: true, 'date-time': true, email: true, uri: true };
const ajv = new Ajv2020({ strict: false, formats: known });

test.each(Object.entries(SCHEMAS))('fills a JSON schema: %s', (_, schema) => {
  const response_format = { type: 'json_schema', json_schema: { name: 'x', schema } };
  for (const question of ['', 'Send 12500.75 to "Ann" in Berlin, 3 times, on 2026-04-05 (#A-17)']) {
    const value = JSON.parse(textOf(ask([user(question)], { response_format }))) as unknown;
    expect(ajv.validate(schema, value), JSON.stringify([value, ajv.errors])).toBe(true);
  }
});

test('puts what a tool gave into JSON', () => {
  const schema = object({ explanation: string, final_answer: { type: 'number' } });
  const response_format = { type: 'json_schema', json_schema: { name: 'x', schema } };
  const fields = { tools: [functionTool('get_sum')], tool_choice: 'required', response_format };
  expect(JSON.parse(converse([user('17 * 23?')], fields, () => '391').text)).toEqual({
    explanation: `The sum is 391. ${NOTICE}`,
    final_answer: 391,
  });
  const json = { response_format: { type: 'json_object' } };
  expect(textOf(ask([user('Hello')], json))).toMatch(/^\{"answer":"Hello, and welcome/);
});

test.each([
  [['Tell me about looms'], 'You said: "Tell me about looms".'],
  [['My name is Ann Lee.', 'What is my name?'], 'Your name is Ann Lee.'],
  [['My favourite colour is blue', "What's my favourite colour?"], 'favourite colour is blue.'],
  [['Who are you?'], 'I answer by simple rules'],
  [['Say "good morning"'], 'good morning\n\n'],
  [[' '], 'Your message has no text.'],
  [['你好'], 'welcome to Threadmill'],
])('says what it is, in every answer: %j', (questions, expected) => {
  const text = textOf(ask(questions.map(user), {}));
  expect(text).toContain(expected);
  expect(text).toContain(NOTICE);
});
