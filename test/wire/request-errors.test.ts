import { describe, expect, test } from 'vitest';
import { MAX_BODY_DEPTH } from '../../wire/requests/body.ts';
import {
  parseCreateAssistant,
  parseModifyAssistant,
  parseCreateRun,
  parseCreateThreadAndRun,
  parseModifyRun,
  parseSubmitToolOutputs,
  parseCreateMessage,
  parseCreateThread,
  parseModifyMessage,
  parseModifyThread,
} from './parsers.ts';
import { refused } from './refused.ts';

type Parser = (body: unknown) => unknown;
type Row = [
  name: string,
  parse: Parser,
  body: unknown,
  message: string,
  code: string,
  param: string | null,
];

const model = 'm';
const assistant_id = 'asst_1';
const role = 'user';
const tool = { type: 'code_interpreter' };

const assistantWith = (fields: object): unknown => ({ model, ...fields });
const functionNamed = (name: unknown): unknown =>
  assistantWith({ tools: [{ type: 'function', function: { name } }] });
const runWith = (fields: object): unknown => ({ assistant_id, ...fields });
const pairs = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, 'v']));

const wrongType: Row[] = [
  [
    'a boolean for a string',
    parseCreateAssistant,
    assistantWith({ metadata: { modified: true } }),
    "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
    'invalid_type',
    'metadata.modified',
  ],
  [
    'an integer for a string',
    parseCreateAssistant,
    { model: 1 },
    "Invalid type for 'model': expected a string, but got an integer instead.",
    'invalid_type',
    'model',
  ],
  [
    'null for a required string',
    parseCreateAssistant,
    { model: null },
    "Invalid type for 'model': expected a string, but got null instead.",
    'invalid_type',
    'model',
  ],
  [
    'a string for a decimal',
    parseCreateAssistant,
    assistantWith({ temperature: '1' }),
    "Invalid type for 'temperature': expected a decimal, but got a string instead.",
    'invalid_type',
    'temperature',
  ],
  [
    'a string for an integer',
    parseCreateRun,
    runWith({ max_prompt_tokens: '256' }),
    "Invalid type for 'max_prompt_tokens': expected an integer, but got a string instead.",
    'invalid_type',
    'max_prompt_tokens',
  ],
  [
    'a decimal for an integer',
    parseCreateRun,
    runWith({ max_prompt_tokens: 256.5 }),
    "Invalid type for 'max_prompt_tokens': expected an integer, but got a decimal number instead.",
    'invalid_type',
    'max_prompt_tokens',
  ],
  [
    'a string for a boolean',
    parseCreateRun,
    runWith({ stream: 'true' }),
    "Invalid type for 'stream': expected a boolean, but got a string instead.",
    'invalid_type',
    'stream',
  ],
  [
    'an object for an array',
    parseCreateAssistant,
    assistantWith({ tools: {} }),
    "Invalid type for 'tools': expected an array of objects, but got an object instead.",
    'invalid_type',
    'tools',
  ],
  [
    'a string for an array of strings',
    parseCreateAssistant,
    assistantWith({ tool_resources: { code_interpreter: { file_ids: 'f' } } }),
    "Invalid type for 'tool_resources.code_interpreter.file_ids': expected an array of strings, but got a string instead.",
    'invalid_type',
    'tool_resources.code_interpreter.file_ids',
  ],
  [
    'an array for an object',
    parseCreateAssistant,
    assistantWith({ metadata: [] }),
    "Invalid type for 'metadata': expected an object, but got an array instead.",
    'invalid_type',
    'metadata',
  ],
  [
    'an integer for an element',
    parseCreateAssistant,
    assistantWith({ tools: [tool, 5] }),
    "Invalid type for 'tools[1]': expected an object, but got an integer instead.",
    'invalid_type',
    'tools[1]',
  ],
  [
    'an integer for a choice',
    parseCreateMessage,
    { role: 5, content: 'x' },
    "Invalid type for 'role': expected one of 'user' or 'assistant', but got an integer instead.",
    'invalid_type',
    'role',
  ],
  [
    'an integer for a kind of tool',
    parseCreateAssistant,
    assistantWith({ tools: [{ type: 7 }] }),
    "Invalid type for 'tools[0].type': expected one of 'code_interpreter', 'function', or 'file_search', but got an integer instead.",
    'invalid_type',
    'tools[0].type',
  ],
  [
    'an object for content',
    parseCreateMessage,
    { role, content: {} },
    "Invalid type for 'content': expected one of a string or array of objects, but got an object instead.",
    'invalid_type',
    'content',
  ],
  [
    'null for content',
    parseCreateMessage,
    { role, content: null },
    "Invalid type for 'content': expected one of a string or array of objects, but got null instead.",
    'invalid_type',
    'content',
  ],
  [
    'the output form of a text part',
    parseCreateMessage,
    { role, content: [{ type: 'text', text: { value: 'x' } }] },
    "Invalid type for 'content[0].text': expected a string, but got an object instead.",
    'invalid_type',
    'content[0].text',
  ],
  [
    'an integer for a response format',
    parseCreateAssistant,
    assistantWith({ response_format: 5 }),
    "Invalid type for 'response_format': expected one of 'auto' or object, but got an integer instead.",
    'invalid_type',
    'response_format',
  ],
  [
    'an integer for a tool choice',
    parseCreateRun,
    runWith({ tool_choice: 7 }),
    "Invalid type for 'tool_choice': expected one of 'none', 'auto', 'required', or object, but got an integer instead.",
    'invalid_type',
    'tool_choice',
  ],
  [
    'an object for an output',
    parseSubmitToolOutputs,
    { tool_outputs: [{ tool_call_id: 'call_1', output: {} }] },
    "Invalid type for 'tool_outputs[0].output': expected a string, but got an object instead.",
    'invalid_type',
    'tool_outputs[0].output',
  ],
  [
    'null where only absence is allowed',
    parseModifyAssistant,
    { tools: null },
    "Invalid type for 'tools': expected an array of objects, but got null instead.",
    'invalid_type',
    'tools',
  ],
  [
    'an array for a body',
    parseCreateThread,
    [],
    'Invalid request body: expected a JSON object, but got an array instead.',
    'invalid_type',
    null,
  ],
  [
    'null for a body',
    parseCreateThread,
    null,
    'Invalid request body: expected a JSON object, but got null instead.',
    'invalid_type',
    null,
  ],
  [
    'a string for a body',
    parseModifyRun,
    'x',
    'Invalid request body: expected a JSON object, but got a string instead.',
    'invalid_type',
    null,
  ],
];

const missing = (
  [
    ['model', parseCreateAssistant, {}],
    ['model', parseCreateAssistant, undefined],
    ['assistant_id', parseCreateRun, {}],
    ['assistant_id', parseCreateThreadAndRun, {}],
    ['role', parseCreateMessage, {}],
    ['content', parseCreateMessage, { role }],
    ['tool_outputs', parseSubmitToolOutputs, {}],
    ['tool_outputs[0].tool_call_id', parseSubmitToolOutputs, { tool_outputs: [{ output: 'x' }] }],
    ['tools[0].type', parseCreateAssistant, assistantWith({ tools: [{}] })],
    ['tools[0].function', parseCreateAssistant, assistantWith({ tools: [{ type: 'function' }] })],
    ['tools[0].function.name', parseCreateAssistant, functionNamed(undefined)],
    [
      'tools[0].file_search.ranking_options.score_threshold',
      parseCreateAssistant,
      assistantWith({ tools: [{ type: 'file_search', file_search: { ranking_options: {} } }] }),
    ],
    [
      'response_format.json_schema',
      parseCreateAssistant,
      assistantWith({ response_format: { type: 'json_schema' } }),
    ],
    [
      'response_format.json_schema.name',
      parseCreateAssistant,
      assistantWith({ response_format: { type: 'json_schema', json_schema: {} } }),
    ],
    ['content[0].text', parseCreateMessage, { role, content: [{ type: 'text' }] }],
    [
      'content[0].image_file.file_id',
      parseCreateMessage,
      { role, content: [{ type: 'image_file', image_file: {} }] },
    ],
    [
      'content[0].image_url.url',
      parseCreateMessage,
      { role, content: [{ type: 'image_url', image_url: {} }] },
    ],
    [
      'attachments[0].file_id',
      parseCreateMessage,
      { role, content: 'x', attachments: [{ tools: [] }] },
    ],
    [
      'attachments[0].tools',
      parseCreateMessage,
      { role, content: 'x', attachments: [{ file_id: 'file-1' }] },
    ],
    [
      'thread.messages[1].content',
      parseCreateThreadAndRun,
      runWith({ thread: { messages: [{ role, content: 'x' }, { role }] } }),
    ],
    ['additional_messages[0].role', parseCreateRun, runWith({ additional_messages: [{}] })],
    ['tool_choice.function', parseCreateRun, runWith({ tool_choice: { type: 'function' } })],
    [
      'tool_choice.function.name',
      parseCreateRun,
      runWith({ tool_choice: { type: 'function', function: {} } }),
    ],
    ['truncation_strategy.type', parseCreateRun, runWith({ truncation_strategy: {} })],
    [
      'truncation_strategy.last_messages',
      parseCreateRun,
      runWith({ truncation_strategy: { type: 'last_messages' } }),
    ],
  ] satisfies [string, Parser, unknown][]
).map(([param, parse, body]): Row => [
  `without ${param}`,
  parse,
  body,
  `Missing required parameter: '${param}'.`,
  'missing_required_parameter',
  param,
]);

const unknown = (
  [
    ['foo', parseCreateAssistant, assistantWith({ foo: 1 })],
    ['foo', parseModifyAssistant, { foo: null }],
    ['foo', parseCreateThread, { foo: 1 }],
    ['messages', parseModifyThread, { messages: [] }],
    ['foo', parseCreateMessage, { role, content: 'x', foo: 1 }],
    ['file_ids', parseCreateMessage, { role, content: 'x', file_ids: [] }],
    ['role', parseModifyMessage, { role }],
    ['thread', parseCreateRun, runWith({ thread: {} })],
    ['include', parseCreateRun, runWith({ include: [] })],
    ['additional_messages', parseCreateThreadAndRun, runWith({ additional_messages: [] })],
    ['additional_instructions', parseCreateThreadAndRun, runWith({ additional_instructions: 'x' })],
    ['status', parseModifyRun, { status: 'completed' }],
    ['foo', parseSubmitToolOutputs, { tool_outputs: [], foo: 1 }],
    [
      'tools[0].function',
      parseCreateAssistant,
      assistantWith({ tools: [{ type: 'code_interpreter', function: {} }] }),
    ],
    [
      'tools[0].function.foo',
      parseCreateAssistant,
      assistantWith({ tools: [{ type: 'function', function: { name: 'f', foo: 1 } }] }),
    ],
    ['tool_resources.foo', parseCreateAssistant, assistantWith({ tool_resources: { foo: {} } })],
    [
      'tool_resources.file_search.vector_stores',
      parseModifyAssistant,
      { tool_resources: { file_search: { vector_stores: [] } } },
    ],
    [
      'tool_resources.file_search.vector_stores',
      parseCreateThreadAndRun,
      runWith({ tool_resources: { file_search: { vector_stores: [] } } }),
    ],
    [
      'content[0].foo',
      parseCreateMessage,
      { role, content: [{ type: 'text', text: 'x', foo: 1 }] },
    ],
    ['thread.foo', parseCreateThreadAndRun, runWith({ thread: { foo: 1 } })],
    [
      'metadata.__proto__',
      parseCreateAssistant,
      JSON.parse('{"model":"m","metadata":{"__proto__":"x"}}'),
    ],
    ['__proto__', parseCreateThread, JSON.parse('{"__proto__":{"messages":[]}}')],
  ] satisfies [string, Parser, unknown][]
).map(([param, parse, body]): Row => [
  `with ${param}`,
  parse,
  body,
  `Unknown parameter: '${param}'.`,
  'unknown_parameter',
  param,
]);

const choices: Row[] = [
  [
    'two values',
    parseCreateMessage,
    { role: 'system', content: 'x' },
    "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
    'invalid_value',
    'role',
  ],
  [
    'three values',
    parseCreateRun,
    runWith({ tool_choice: 'any' }),
    "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'.",
    'invalid_value',
    'tool_choice',
  ],
  [
    'one value',
    parseCreateRun,
    runWith({ response_format: 'json' }),
    "Invalid value: 'json'. Supported values are: 'auto'.",
    'invalid_value',
    'response_format',
  ],
  [
    'a kind of tool',
    parseCreateAssistant,
    assistantWith({ tools: [{ type: 'retrieval' }] }),
    "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'.",
    'invalid_value',
    'tools[0].type',
  ],
  [
    'a kind of part',
    parseCreateMessage,
    { role, content: [{ type: 'text', text: 'x' }, { type: 'refusal' }] },
    "Invalid value: 'refusal'. Supported values are: 'text', 'image_file', and 'image_url'.",
    'invalid_value',
    'content[1].type',
  ],
  [
    'a kind of attachment tool',
    parseCreateMessage,
    { role, content: 'x', attachments: [{ file_id: 'f', tools: [{ type: 'function' }] }] },
    "Invalid value: 'function'. Supported values are: 'code_interpreter' and 'file_search'.",
    'invalid_value',
    'attachments[0].tools[0].type',
  ],
  [
    'a kind of response format',
    parseCreateAssistant,
    assistantWith({ response_format: { type: 'xml' } }),
    "Invalid value: 'xml'. Supported values are: 'text', 'json_object', and 'json_schema'.",
    'invalid_value',
    'response_format.type',
  ],
  [
    'a kind of truncation',
    parseCreateRun,
    runWith({ truncation_strategy: { type: 'x' } }),
    "Invalid value: 'x'. Supported values are: 'auto' and 'last_messages'.",
    'invalid_value',
    'truncation_strategy.type',
  ],
  [
    'an effort',
    parseCreateAssistant,
    assistantWith({ reasoning_effort: 'huge' }),
    "Invalid value: 'huge'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'.",
    'invalid_value',
    'reasoning_effort',
  ],
  [
    'a detail',
    parseCreateMessage,
    { role, content: [{ type: 'image_file', image_file: { file_id: 'f', detail: 'x' } }] },
    "Invalid value: 'x'. Supported values are: 'auto', 'low', and 'high'.",
    'invalid_value',
    'content[0].image_file.detail',
  ],
];

const bounds: Row[] = [
  [
    'an integer too small',
    parseCreateRun,
    runWith({ max_completion_tokens: 0 }),
    "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    'integer_below_min_value',
    'max_completion_tokens',
  ],
  [
    'an integer too large',
    parseCreateRun,
    runWith({ expires_after: 2_592_001 }),
    "Invalid 'expires_after': integer above maximum value. Expected a value <= 2592000, but got 2592001 instead.",
    'integer_above_max_value',
    'expires_after',
  ],
  [
    'an integer beyond the safe range',
    parseCreateRun,
    runWith({ expires_after: 1e300 }),
    "Invalid 'expires_after': integer above maximum value. Expected a value <= 2592000, but got 1e+300 instead.",
    'integer_above_max_value',
    'expires_after',
  ],
  [
    'a decimal too large',
    parseCreateAssistant,
    assistantWith({ temperature: 3 }),
    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
    'decimal_above_max_value',
    'temperature',
  ],
  [
    'a decimal too small',
    parseCreateAssistant,
    assistantWith({ top_p: -0.1 }),
    "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.1 instead.",
    'decimal_below_min_value',
    'top_p',
  ],
  [
    'a string too long',
    parseCreateMessage,
    { role, content: 'x'.repeat(256_001) },
    "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a string with length 256001 instead.",
    'string_above_max_length',
    'content',
  ],
  [
    'a text part too long',
    parseCreateMessage,
    { role, content: [{ type: 'text', text: 'x'.repeat(256_001) }] },
    "Invalid 'content[0].text': string too long. Expected a string with maximum length 256000, but got a string with length 256001 instead.",
    'string_above_max_length',
    'content[0].text',
  ],
  [
    'text parts too long together',
    parseCreateMessage,
    {
      role,
      content: [
        { type: 'text', text: 'x'.repeat(256_000) },
        { type: 'text', text: 'y' },
      ],
    },
    "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a string with length 256001 instead.",
    'string_above_max_length',
    'content',
  ],
  [
    'an empty string',
    parseCreateAssistant,
    { model: '' },
    "Invalid 'model': empty string. Expected a string with minimum length 1, but got an empty string instead.",
    'empty_string',
    'model',
  ],
  [
    'an array too long',
    parseCreateAssistant,
    assistantWith({ tools: Array.from({ length: 129 }, () => tool) }),
    "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead.",
    'array_above_max_length',
    'tools',
  ],
  [
    'an empty array',
    parseCreateMessage,
    { role, content: [] },
    "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    'empty_array',
    'content',
  ],
  [
    'too many images',
    parseCreateMessage,
    {
      role,
      content: Array.from({ length: 11 }, () => ({
        type: 'image_file',
        image_file: { file_id: 'f' },
      })),
    },
    "Invalid 'content': too many images. Expected at most 10 image parts, but got 11 instead.",
    'array_above_max_length',
    'content',
  ],
  [
    'too many properties',
    parseCreateThread,
    { metadata: pairs(17) },
    "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
    'object_above_max_properties',
    'metadata',
  ],
  [
    'a property name too long',
    parseModifyRun,
    { metadata: { [`abc${'k'.repeat(59)}xyz`]: 'v' } },
    "Invalid property name in 'metadata': 'abc...xyz' is too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
    'property_name_above_max_length',
    'metadata',
  ],
  [
    'a property too long',
    parseModifyMessage,
    { metadata: { a: 'v'.repeat(513) } },
    "Invalid 'metadata.a': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.",
    'string_above_max_length',
    'metadata.a',
  ],
];

const formats: Row[] = [
  [
    'a function name',
    parseCreateAssistant,
    functionNamed('get weather'),
    "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    'invalid_value',
    'tools[0].function.name',
  ],
  [
    'a function name too long',
    parseCreateAssistant,
    functionNamed('f'.repeat(65)),
    "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
    'string_above_max_length',
    'tools[0].function.name',
  ],
  [
    'a function name with a line end',
    parseCreateAssistant,
    functionNamed('get\n'),
    "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    'invalid_value',
    'tools[0].function.name',
  ],
  [
    'a data URL',
    parseCreateMessage,
    { role, content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }] },
    "Invalid 'content[0].image_url.url'. Expected a valid URL, but got a value with an invalid format.",
    'invalid_value',
    'content[0].image_url.url',
  ],
  [
    'a file URL',
    parseCreateMessage,
    { role, content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
    "Invalid 'content[0].image_url.url'. Expected a valid URL, but got a value with an invalid format.",
    'invalid_value',
    'content[0].image_url.url',
  ],
  [
    'an assistant id',
    parseCreateRun,
    { assistant_id: 'undefined' },
    "Invalid 'assistant_id': 'undefined'. Expected an ID that begins with 'asst'.",
    'invalid_value',
    'assistant_id',
  ],
  [
    'both ways to name a vector store',
    parseCreateThread,
    { tool_resources: { file_search: { vector_store_ids: ['vs_1'], vector_stores: [{}] } } },
    "Invalid 'tool_resources.file_search': only one of 'vector_store_ids' and 'vector_stores' can be given.",
    'invalid_value',
    'tool_resources.file_search',
  ],
  [
    'a character Postgres cannot store',
    parseCreateMessage,
    { role, content: [{ type: 'text', text: 'a\0b' }] },
    "Invalid 'content[0].text': the character U+0000 cannot be stored.",
    'invalid_value',
    'content[0].text',
  ],
  [
    'such a character in a key',
    parseCreateAssistant,
    assistantWith({ metadata: { 'a\0': 'x' } }),
    "Invalid 'metadata': the character U+0000 cannot be stored.",
    'invalid_value',
    'metadata',
  ],
];

describe.each([
  ['wrong type', wrongType],
  ['missing', missing],
  ['unknown', unknown],
  ['choice', choices],
  ['bounds', bounds],
  ['format', formats],
])('%s', (_group, rows) => {
  test.each(rows)('%s', (_name, parse, body, message, code, param) => {
    expect(refused(() => parse(body))).toEqual({
      status: 400,
      message,
      type: 'invalid_request_error',
      param,
      code,
    });
  });
});

describe('which of several mistakes is answered', () => {
  test('the one nearest to the top', () => {
    const body = { tools: [{ type: 'x' }], metadata: { a: 1 } };
    expect(refused(() => parseCreateAssistant(body)).param).toBe('model');
    expect(refused(() => parseCreateAssistant({ ...body, model })).param).toBe('metadata.a');
  });

  test('known fields before unknown ones, whatever their order in the body', () => {
    expect(refused(() => parseCreateAssistant({ zzz: 1, model: 5 })).param).toBe('model');
    expect(refused(() => parseCreateAssistant({ model: 5, zzz: 1 })).param).toBe('model');
  });

  test('an unknown field at the top before a mistake further down', () => {
    expect(refused(() => parseCreateAssistant(assistantWith({ tools: [{}], zzz: 1 }))).param).toBe(
      'zzz',
    );
  });
});

describe('what a hostile body cannot do', () => {
  test('make the answer long', () => {
    const long = 'x'.repeat(1_000_000);
    expect(refused(() => parseCreateThread({ [long]: 1 })).message.length).toBeLessThan(300);
    expect(
      refused(() => parseCreateMessage({ role: long, content: 'x' })).message.length,
    ).toBeLessThan(300);
    expect(
      refused(() => parseCreateThread({ metadata: { [long]: 'v' } })).message.length,
    ).toBeLessThan(300);
    expect(
      JSON.stringify(refused(() => parseCreateRun({ assistant_id: long }))).length,
    ).toBeLessThan(400);
  });

  test('nest without end', () => {
    const nested = (levels: number): unknown => (levels === 0 ? {} : { a: nested(levels - 1) });
    const withParameters = (levels: number): unknown =>
      assistantWith({
        tools: [{ type: 'function', function: { name: 'f', parameters: nested(levels) } }],
      });
    // Five levels above the parameters: body, tools, the tool, function, and the innermost object itself.
    expect(() => parseCreateAssistant(withParameters(MAX_BODY_DEPTH - 5))).not.toThrow();
    expect(refused(() => parseCreateAssistant(withParameters(MAX_BODY_DEPTH - 4))).message).toMatch(
      /nested/,
    );
    const deep: unknown = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000));
    expect(refused(() => parseCreateThread(deep)).status).toBe(400);
  });

  test('be looked at mistake by mistake when there are a million', () => {
    const many = Array.from({ length: 1_000_000 }, () => 1);
    for (const body of [{ messages: many }, { metadata: many }, Object.assign({}, many)]) {
      expect(refused(() => parseCreateThread(body)).message).toBe(
        'Invalid request body: more than 100000 strings, numbers, arrays and objects.',
      );
    }
  });

  test('send half a character to the database', () => {
    const body = { role, content: 'cut \ud83d', metadata: { 'k\ude00': 'v\ud83d' } };
    expect(parseCreateMessage(body)).toMatchObject({
      content: [{ text: { value: 'cut \ufffd' } }],
      metadata: { 'k\ufffd': 'v\ufffd' },
    });
    expect(body.content).toBe('cut \ud83d');
  });

  test('make each turn of its runs carry megabytes of tools', () => {
    const functions = (texts: string[], values = 0): unknown =>
      assistantWith({
        tools: texts.map((description, at) => ({
          type: 'function',
          function: { name: `f${at}`, description, parameters: { enum: Array(values).fill(1) } },
        })),
      });
    const text = 'x'.repeat(200_000);
    const empty = JSON.stringify((functions(Array(6).fill('')) as { tools: unknown }).tools);
    const left = 1_048_576 - empty.length - 5 * text.length;
    const filled = (last: number) => functions([...Array<string>(5).fill(text), 'y'.repeat(last)]);
    expect(() => parseCreateAssistant(filled(left))).not.toThrow();
    expect(refused(() => parseCreateAssistant(filled(left + 1)))).toMatchObject({
      status: 400,
      message: "Invalid 'tools': too large. Expected at most 1048576 bytes of JSON.",
      code: 'invalid_value',
      param: 'tools',
    });
    // Six values of each tool, and the list itself.
    expect(() => parseCreateAssistant(functions(['', '', ''], 16_659))).not.toThrow();
    expect(refused(() => parseCreateAssistant(functions(['', '', ''], 16_661))).message).toBe(
      "Invalid 'tools': too large. Expected at most 50000 strings, numbers, arrays and objects.",
    );
    const run = runWith({ tools: (filled(left + 1) as { tools: unknown }).tools });
    expect(refused(() => parseCreateRun(run)).param).toBe('tools');
    expect(refused(() => parseModifyAssistant(filled(left + 1))).param).toBe('tools');
    // Bytes, not characters.
    expect(
      refused(() => parseCreateAssistant(functions(Array(2).fill('漢'.repeat(200_000))))).param,
    ).toBe('tools');
  });

  test('make a schema as large as its body', () => {
    const functionWith = (parameters: object): unknown =>
      assistantWith({ tools: [{ type: 'function', function: { name: 'f', parameters } }] });
    const answerWith = (schema: object): unknown =>
      assistantWith({
        response_format: { type: 'json_schema', json_schema: { name: 's', schema } },
      });
    const bytes = (count: number) => ({ a: 'x'.repeat(count - '{"a":""}'.length) });
    const values = (count: number) => ({ enum: Array<number>(count - 2).fill(1) });
    const places = [
      [functionWith, 'tools[0].function.parameters'],
      [answerWith, 'response_format.json_schema.schema'],
    ] as const;
    for (const [bodyWith, param] of places) {
      expect(() => parseCreateAssistant(bodyWith(bytes(524_288)))).not.toThrow();
      expect(refused(() => parseCreateAssistant(bodyWith(bytes(524_289))))).toMatchObject({
        message: `Invalid '${param}': too large. Expected at most 524288 bytes of JSON.`,
        code: 'invalid_value',
        param,
      });
      expect(() => parseCreateAssistant(bodyWith(values(25_000)))).not.toThrow();
      expect(refused(() => parseCreateAssistant(bodyWith(values(25_001)))).message).toBe(
        `Invalid '${param}': too large. Expected at most 25000 strings, numbers, arrays and objects.`,
      );
    }
  });

  test('keep megabytes in the URL of an image', () => {
    const messageWith = (url: string): unknown => ({
      role,
      content: [{ type: 'image_url', image_url: { url } }],
    });
    const url = (length: number) => 'https://example.com/'.padEnd(length, 'x');
    expect(() => parseCreateMessage(messageWith(url(8_192)))).not.toThrow();
    expect(refused(() => parseCreateMessage(messageWith(url(8_193))))).toMatchObject({
      message:
        "Invalid 'content[0].image_url.url': string too long. Expected a string with maximum length 8192, " +
        'but got a string with length 8193 instead.',
      code: 'string_above_max_length',
      param: 'content[0].image_url.url',
    });
    expect(
      refused(() => parseCreateMessage(messageWith('data:image/png;base64,AA'))).message,
    ).toMatch(/invalid format/);
  });
});
