import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../wire/errors/errors.ts';
import type { Form } from '../../wire/requests/files.ts';
import type { CreateMessageParams } from '../../wire/requests/threads.ts';
import { normalizeTools } from '../../wire/requests/tools.ts';
import {
  parseCreateAssistant,
  parseModifyAssistant,
  parseCompleteUpload,
  parseCreateFile,
  parseCreateUpload,
  parseEventsQuery,
  parseIncludeQuery,
  parseListFilesQuery,
  parseListMessagesQuery,
  parseListQuery,
  parseCreateRun,
  parseCreateThreadAndRun,
  parseModifyRun,
  parseSubmitToolOutputs,
  parseCreateMessage,
  parseCreateThread,
  parseModifyMessage,
  parseModifyThread,
} from './parsers.ts';

/** A body's members as the fields of a form that has a file. */
function asForm(body: unknown): Form {
  const fields = Object.entries(Object(body) as object).map(
    ([name, value]) => [name, String(JSON.stringify(value))] as const,
  );
  return { fields, file: { filename: 'a.txt' } };
}

const bodyParsers = {
  parseCreateAssistant,
  parseModifyAssistant,
  parseCreateThread,
  parseModifyThread,
  parseCreateMessage,
  parseModifyMessage,
  parseCreateRun,
  parseCreateThreadAndRun,
  parseModifyRun,
  parseSubmitToolOutputs,
  parseCreateUpload,
  parseCompleteUpload,
  parseCreateFile: (body: unknown) => parseCreateFile(asForm(body)),
};
const queryParsers = {
  parseListQuery: (query: unknown) => parseListQuery(query),
  parseListMessagesQuery,
  parseListFilesQuery,
  parseIncludeQuery,
  parseEventsQuery,
};

/** Names that mean something somewhere, so that random bodies get past the first unknown field. */
const FIELD_NAMES = [
  'model',
  'name',
  'instructions',
  'tools',
  'tool_resources',
  'metadata',
  'temperature',
  'top_p',
  'response_format',
  'messages',
  'role',
  'content',
  'attachments',
  'type',
  'text',
  'image_file',
  'image_url',
  'url',
  'file_id',
  'detail',
  'assistant_id',
  'thread',
  'additional_messages',
  'truncation_strategy',
  'tool_choice',
  'stream',
  'expires_after',
  'function',
  'parameters',
  'strict',
  'file_search',
  'code_interpreter',
  'file_ids',
  'purpose',
  'filename',
  'part_ids',
  'expires_after[seconds]',
  'vector_store_ids',
  'vector_stores',
  'tool_outputs',
  'tool_call_id',
  'output',
  'json_schema',
  'limit',
  'order',
  'after',
  'include',
  'include[]',
  'run_id',
  'starting_after',
  '__proto__',
  'constructor',
  'toString',
  '',
];
const FIELD_VALUES = [
  'user',
  'assistant',
  'text',
  'function',
  'file_search',
  'code_interpreter',
  'auto',
  'last_messages',
  'json_schema',
  'asst_1',
  'file-1',
  'x',
  '',
  '\0',
  '\ud800',
  0,
  1,
  1.5,
  -1,
  1e300,
  256,
  true,
  null,
];

const { hostile } = fc.letrec((tie) => ({
  hostile: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(...FIELD_VALUES),
    fc.jsonValue({ maxDepth: 2 }),
    fc.array(tie('hostile'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom(...FIELD_NAMES), tie('hostile')), { maxLength: 8 })
      .map((fields) => JSON.parse(JSON.stringify(Object.fromEntries(fields))) as unknown),
  ),
}));

describe('nothing but an ApiError', () => {
  test.each(Object.entries({ ...bodyParsers, ...queryParsers }))('%s', (_name, parse) => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.jsonValue(), fc.anything()), (input) => {
        try {
          parse(input);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
          const { message, code, param, type } = (error as ApiError).toJSON().error;
          expect([400, 'invalid_request_error']).toEqual([(error as ApiError).status, type]);
          expect(message).toMatch(/^(Invalid|Missing|Unknown|Duplicate) .*\.$/s);
          // A field may be called NaN; what is wrong with its value may not.
          expect(message.replaceAll(String(param), '')).not.toMatch(/undefined'|\[object|NaN/);
          expect(typeof code).toBe('string');
          expect(param === null || typeof param === 'string').toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('and the same one every time', () => {
    const answer = (body: unknown): unknown => {
      try {
        return parseCreateThreadAndRun(body);
      } catch (error) {
        return (error as ApiError).toJSON();
      }
    };
    fc.assert(
      fc.property(hostile, (body) => {
        expect(answer(body)).toEqual(answer(structuredClone(body)));
      }),
    );
  });
});

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const id = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
const metadata = fc.dictionary(
  fc.string({ unit: 'grapheme-ascii', maxLength: 64 }).filter((key) => key !== '__proto__'),
  fc.string({ unit: 'grapheme-ascii', maxLength: 512 }),
  { maxKeys: 16, noNullPrototype: true },
);
const jsonSchema = fc.constantFrom(
  { type: 'object', properties: {} },
  {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
);
const codeTool = fc.constant({ type: 'code_interpreter' as const });
const functionTool = fc.record({
  type: fc.constant('function' as const),
  function: fc.record({
    name: id,
    description: word,
    parameters: jsonSchema,
    strict: fc.boolean(),
  }),
});
const searchTool = fc.record({
  type: fc.constant('file_search' as const),
  file_search: fc.record(
    {
      ranking_options: fc.record({
        ranker: fc.constantFrom('auto', 'default_2024_08_21'),
        score_threshold: fc.double({ min: 0, max: 1, noNaN: true }),
        hybrid_search: fc.constant(null),
      }),
      max_num_results: fc.integer({ min: 1, max: 50 }),
    },
    { requiredKeys: ['ranking_options'] },
  ),
});
const tools = fc.array(fc.oneof(codeTool, functionTool, searchTool), { maxLength: 8 });
const responseFormat = fc.oneof(
  fc.constantFrom('auto', { type: 'text' }, { type: 'json_object' }),
  fc.record({
    type: fc.constant('json_schema'),
    json_schema: fc.record(
      { name: id, description: word, schema: jsonSchema, strict: fc.option(fc.boolean()) },
      { requiredKeys: ['name'] },
    ),
  }),
);
const effort = fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max');
const share = fc.double({ min: 0, max: 1, noNaN: true });
const toolResources = fc.record(
  {
    code_interpreter: fc.record({ file_ids: fc.array(id, { maxLength: 20 }) }),
    file_search: fc.record({ vector_store_ids: fc.array(id, { maxLength: 1 }) }),
  },
  { requiredKeys: [] },
);
const assistant = fc.record({
  model: word,
  name: fc.option(word),
  description: fc.option(word),
  instructions: fc.option(word),
  reasoning_effort: fc.option(effort),
  tools,
  tool_resources: toolResources,
  metadata,
  temperature: share.map((part) => part * 2),
  top_p: share,
  response_format: responseFormat,
});
const image = fc.oneof(
  fc.record({
    type: fc.constant('image_file'),
    image_file: fc.record({ file_id: id, detail: fc.constantFrom('auto', 'low', 'high') }),
  }),
  fc.record({
    type: fc.constant('image_url'),
    image_url: fc.record({ url: fc.webUrl(), detail: fc.constantFrom('auto', 'low', 'high') }),
  }),
);
const message = fc.record({
  role: fc.constantFrom('user', 'assistant'),
  content: fc.oneof(
    word,
    fc.array(
      fc.oneof(
        word.map((text) => ({ type: 'text', text })),
        image,
      ),
      { minLength: 1, maxLength: 10 },
    ),
  ),
  attachments: fc.array(
    fc.record({
      file_id: id,
      tools: fc.array(fc.constantFrom({ type: 'code_interpreter' }, { type: 'file_search' }), {
        maxLength: 2,
      }),
    }),
    { maxLength: 3 },
  ),
  metadata,
});
const run = fc.record(
  {
    assistant_id: id.map((tail) => `asst_${tail}`),
    model: word,
    reasoning_effort: effort,
    instructions: word,
    additional_instructions: word,
    tools,
    metadata,
    temperature: share,
    top_p: share,
    stream: fc.boolean(),
    max_prompt_tokens: fc.integer({ min: 1 }),
    max_completion_tokens: fc.integer({ min: 1 }),
    truncation_strategy: fc.oneof(
      fc.constant({ type: 'auto', last_messages: null }),
      fc.record({ type: fc.constant('last_messages'), last_messages: fc.integer({ min: 1 }) }),
    ),
    tool_choice: fc.oneof(
      fc.constantFrom(
        'none',
        'auto',
        'required',
        { type: 'code_interpreter' },
        { type: 'file_search' },
      ),
      id.map((name) => ({ type: 'function', function: { name } })),
    ),
    parallel_tool_calls: fc.boolean(),
    response_format: responseFormat,
    expires_after: fc.integer({ min: 1, max: 2_592_000 }),
  },
  { requiredKeys: ['assistant_id'] },
);

/** The echoed content, turned back into what a client would send. */
function asSent(part: CreateMessageParams['content'][number]): unknown {
  return part.type === 'text' ? { type: 'text', text: part.text.value } : part;
}

describe('a legal body comes out as it went in', () => {
  test('assistants, created and modified', () => {
    fc.assert(
      fc.property(assistant, (body) => {
        expect(parseCreateAssistant(body)).toEqual(body);
        expect(parseModifyAssistant(body)).toEqual(body);
      }),
      { numRuns: 300 },
    );
  });

  test('modifying any part of an assistant names exactly that part', () => {
    const part = assistant.chain((whole) =>
      fc.subarray(Object.entries(whole)).map((fields) => Object.fromEntries(fields)),
    );
    fc.assert(
      fc.property(part, (body) => {
        expect(parseModifyAssistant(body)).toEqual(body);
      }),
      { numRuns: 300 },
    );
  });

  test('messages', () => {
    fc.assert(
      fc.property(message, (body) => {
        const { content, ...rest } = parseCreateMessage(body);
        const { content: sent, ...sentRest } = body;
        expect(rest).toEqual(sentRest);
        expect(content.map(asSent)).toEqual(
          typeof sent === 'string' ? [{ type: 'text', text: sent }] : sent,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('runs', () => {
    fc.assert(
      fc.property(run, (body) => {
        expect(parseCreateRun(body)).toMatchObject(body);
      }),
      { numRuns: 300 },
    );
  });

  test('runs with their thread and its messages', () => {
    fc.assert(
      fc.property(
        run,
        fc.array(message, { maxLength: 5 }),
        toolResources,
        metadata,
        (body, messages, resources, pairs) => {
          const { additional_instructions: _none, ...rest } = body;
          const thread = { messages, tool_resources: resources, metadata: pairs };
          const params = parseCreateThreadAndRun({
            ...rest,
            thread,
            tool_resources: resources,
          });
          expect(params).toMatchObject({ ...rest, tool_resources: resources });
          expect(params.thread).toEqual({
            messages: messages.map(parseCreateMessage),
            tool_resources: resources,
            metadata: pairs,
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('normalising tools twice changes nothing', () => {
    fc.assert(
      fc.property(assistant, (body) => {
        const { tools: once } = parseCreateAssistant(body);
        expect(normalizeTools(once)).toEqual(once);
      }),
    );
  });

  test('and is not changed by being parsed', () => {
    fc.assert(
      fc.property(assistant, (body) => {
        const before = structuredClone(body);
        parseCreateAssistant(body);
        expect(body).toEqual(before);
      }),
    );
  });
});
