/** What the parsers make of a legal body: defaults, the stored form, and null told apart from absent. */
import { describe, expect, test } from 'vitest';
import { defaultToolResources, normalizeTools } from '../../wire/requests/tools.ts';
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

const DEFAULT_RANKING = {
  ranker: 'default_2024_08_21',
  score_threshold: 0,
  hybrid_search: null,
};

describe('assistants', () => {
  const defaults = {
    model: 'm',
    name: null,
    description: null,
    instructions: null,
    reasoning_effort: null,
    tools: [],
    tool_resources: {},
    metadata: {},
    temperature: 1,
    top_p: 1,
    response_format: 'auto',
  };

  test('have the defaults of the API, also where the body says null', () => {
    expect(parseCreateAssistant({ model: 'm' })).toEqual(defaults);
    const nulls = Object.fromEntries(Object.keys(defaults).map((key) => [key, null]));
    expect(parseCreateAssistant({ ...nulls, model: 'm' })).toEqual(defaults);
  });

  test('keep zero and the empty string, which are not "not given"', () => {
    const given = { temperature: 0, top_p: 0, name: '', instructions: '' };
    expect(parseCreateAssistant({ model: 'm', ...given })).toEqual({ ...defaults, ...given });
  });

  test('count an emoji as one character', () => {
    expect(() => parseCreateAssistant({ model: 'm', name: '😀'.repeat(256) })).not.toThrow();
    expect(() => parseCreateAssistant({ model: 'm', name: '😀'.repeat(257) })).toThrow(
      /length 257 instead/,
    );
  });

  test('pass on the vector store helper with its defaults', () => {
    const { tool_resources } = parseCreateAssistant({
      model: 'm',
      tool_resources: { code_interpreter: null, file_search: { vector_stores: [{}] } },
    });
    expect(tool_resources).toEqual({
      file_search: {
        vector_stores: [{ file_ids: [], chunking_strategy: undefined, metadata: {} }],
      },
    });
  });

  test('change only what the body names', () => {
    expect(parseModifyAssistant({})).toEqual({});
    expect(parseModifyAssistant(undefined)).toEqual({});
    expect(parseModifyAssistant({ name: 'x', tools: [] })).toEqual({ name: 'x', tools: [] });
  });

  test('are cleared by null', () => {
    const { model: _model, tools: _tools, ...cleared } = defaults;
    const nulls = Object.fromEntries(Object.keys(cleared).map((key) => [key, null]));
    expect(parseModifyAssistant(nulls)).toEqual(cleared);
  });

  test('accept back what they were echoed as', () => {
    const { tool_resources: _helper, ...created } = parseCreateAssistant({
      model: 'm',
      tools: [{ type: 'file_search' }, { type: 'function', function: { name: 'f' } }],
    });
    expect(parseModifyAssistant({ ...created, tool_resources: {} })).toEqual({
      ...created,
      tool_resources: {},
    });
  });
});

describe('tools', () => {
  test('gain what the hosted service adds', () => {
    expect(
      normalizeTools([
        { type: 'code_interpreter' },
        { type: 'function', function: { name: 'f' } },
        { type: 'file_search' },
      ]),
    ).toEqual([
      { type: 'code_interpreter' },
      {
        type: 'function',
        function: { name: 'f', parameters: { type: 'object', properties: {} }, strict: false },
      },
      { type: 'file_search', file_search: { ranking_options: DEFAULT_RANKING } },
    ]);
  });

  test('keep what was given', () => {
    const parameters = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
    expect(
      normalizeTools([
        { type: 'function', function: { name: 'f', description: 'd', parameters, strict: true } },
        {
          type: 'file_search',
          file_search: {
            max_num_results: 3,
            ranking_options: { score_threshold: 0.5, ranker: 'auto' },
          },
        },
      ]),
    ).toEqual([
      { type: 'function', function: { name: 'f', description: 'd', parameters, strict: true } },
      {
        type: 'file_search',
        file_search: {
          max_num_results: 3,
          ranking_options: { ranker: 'auto', score_threshold: 0.5, hybrid_search: null },
        },
      },
    ]);
  });

  test('do not share the default parameters', () => {
    const [first] = normalizeTools([{ type: 'function', function: { name: 'f' } }]);
    const [second] = normalizeTools([{ type: 'function', function: { name: 'g' } }]);
    expect(first?.type === 'function' && first.function.parameters).not.toBe(
      second?.type === 'function' && second.function.parameters,
    );
  });
});

describe('tool_resources of an assistant', () => {
  const code = { type: 'code_interpreter' } as const;

  test.each([
    ['no tools', [], {}, {}],
    ['code_interpreter', [code], {}, { code_interpreter: { file_ids: [] } }],
    [
      'files',
      [code],
      { code_interpreter: { file_ids: ['file-1'] } },
      { code_interpreter: { file_ids: ['file-1'] } },
    ],
    [
      'files without the tool',
      [],
      { code_interpreter: { file_ids: ['file-1'] } },
      { code_interpreter: { file_ids: ['file-1'] } },
    ],
    [
      'a store',
      [],
      { file_search: { vector_store_ids: ['vs_1'] } },
      { file_search: { vector_store_ids: ['vs_1'] } },
    ],
    [
      'the helper',
      [code],
      {
        file_search: {
          vector_stores: [{ file_ids: [], chunking_strategy: undefined, metadata: {} }],
        },
      },
      { code_interpreter: { file_ids: [] }, file_search: { vector_store_ids: [] } },
    ],
  ])('%s', (_name, tools, given, expected) => {
    expect(defaultToolResources(tools, given)).toEqual(expected);
  });
});

describe('messages', () => {
  test('have their content as parts', () => {
    expect(parseCreateMessage({ role: 'user', content: 'hi' })).toEqual({
      role: 'user',
      content: [{ type: 'text', text: { value: 'hi', annotations: [] } }],
      attachments: [],
      metadata: {},
    });
  });

  test('keep the order of parts and give images a detail', () => {
    const url = 'https://example.com/a.png?x=1';
    const { content } = parseCreateMessage({
      role: 'assistant',
      content: [
        { type: 'image_url', image_url: { url } },
        { type: 'text', text: 'a' },
        { type: 'image_file', image_file: { file_id: 'file-1', detail: 'high' } },
        { type: 'image_file', image_file: { file_id: 'file-2' } },
      ],
    });
    expect(content).toEqual([
      { type: 'image_url', image_url: { url, detail: 'auto' } },
      { type: 'text', text: { value: 'a', annotations: [] } },
      { type: 'image_file', image_file: { file_id: 'file-1', detail: 'high' } },
      { type: 'image_file', image_file: { file_id: 'file-2', detail: 'auto' } },
    ]);
  });

  test('take 10 images and 256 000 characters', () => {
    const image = { type: 'image_file', image_file: { file_id: 'file-1' } };
    const half = { type: 'text', text: 'x'.repeat(128_000) };
    const content = [...Array.from({ length: 10 }, () => image), half, half];
    expect(parseCreateMessage({ role: 'user', content }).content).toHaveLength(12);
  });

  test('keep their attachments', () => {
    const attachments = [
      { file_id: 'file-1', tools: [{ type: 'code_interpreter' }, { type: 'file_search' }] },
    ];
    expect(parseCreateMessage({ role: 'user', content: 'x', attachments }).attachments).toEqual(
      attachments,
    );
  });
});

describe('threads', () => {
  const empty = { messages: [], tool_resources: {}, metadata: {} };

  test('may be created with no body', () => {
    for (const body of [undefined, {}, { messages: null, tool_resources: null, metadata: null }]) {
      expect(parseCreateThread(body)).toEqual(empty);
    }
  });

  test('keep their messages in order', () => {
    const { messages } = parseCreateThread({
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    });
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
  });

  test('change only what the body names', () => {
    expect(parseModifyThread({})).toEqual({});
    expect(parseModifyThread({ metadata: null })).toEqual({ metadata: {} });
    expect(parseModifyThread({ tool_resources: null })).toEqual({ tool_resources: {} });
    expect(parseModifyThread({ tool_resources: { code_interpreter: {} } })).toEqual({
      tool_resources: { code_interpreter: { file_ids: [] } },
    });
  });
});

test.each([parseModifyMessage, parseModifyRun])(
  'metadata is replaced, cleared or left alone',
  (parse) => {
    expect(parse({ metadata: { a: '1' } })).toEqual({ metadata: { a: '1' } });
    expect(parse({ metadata: null })).toEqual({ metadata: {} });
    expect(parse({})).toEqual({});
    expect(parse(undefined)).toEqual({});
  },
);

describe('runs', () => {
  const run = {
    assistant_id: 'asst_1',
    model: undefined,
    reasoning_effort: undefined,
    instructions: undefined,
    tools: undefined,
    metadata: {},
    temperature: undefined,
    top_p: undefined,
    stream: false,
    max_prompt_tokens: null,
    max_completion_tokens: null,
    truncation_strategy: { type: 'auto', last_messages: null },
    tool_choice: 'auto',
    parallel_tool_calls: true,
    response_format: undefined,
    expires_after: undefined,
  };
  const nulls = {
    ...Object.fromEntries(Object.keys(run).map((key) => [key, null])),
    assistant_id: 'asst_1',
  };

  test('leave to the assistant what they do not override', () => {
    const expected = {
      ...run,
      additional_instructions: undefined,
      additional_messages: [],
      'x-threadmill': { on_active_run: 'reject' },
    };
    expect(parseCreateRun({ assistant_id: 'asst_1' })).toEqual(expected);
    expect(
      parseCreateRun({ ...nulls, additional_instructions: null, additional_messages: null }),
    ).toEqual(expected);
  });

  test('override with zero, the empty string and the empty list', () => {
    const given = { temperature: 0, instructions: '', tools: [], parallel_tool_calls: false };
    expect(parseCreateRun({ assistant_id: 'asst_1', ...given })).toMatchObject(given);
  });

  test('may bring their thread', () => {
    const expected = {
      ...run,
      thread: { messages: [], tool_resources: {}, metadata: {} },
      tool_resources: undefined,
    };
    expect(parseCreateThreadAndRun({ assistant_id: 'asst_1' })).toEqual(expected);
    expect(parseCreateThreadAndRun({ ...nulls, thread: null, tool_resources: null })).toEqual(
      expected,
    );
  });

  test('forget last_messages under auto', () => {
    const strategy = (truncation_strategy: object): unknown =>
      parseCreateRun({ assistant_id: 'asst_1', truncation_strategy }).truncation_strategy;
    expect(strategy({ type: 'auto', last_messages: 5 })).toEqual({
      type: 'auto',
      last_messages: null,
    });
    expect(strategy({ type: 'last_messages', last_messages: 5 })).toEqual({
      type: 'last_messages',
      last_messages: 5,
    });
  });

  test.each([1, 2_592_000])('may expire after %i seconds', (expires_after) => {
    expect(parseCreateRun({ assistant_id: 'asst_1', expires_after }).expires_after).toBe(
      expires_after,
    );
  });

  test('take outputs, absent ones as empty', () => {
    expect(
      parseSubmitToolOutputs({
        tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }, { tool_call_id: 'call_2' }],
        stream: true,
      }),
    ).toEqual({
      tool_outputs: [
        { tool_call_id: 'call_1', output: 'x' },
        { tool_call_id: 'call_2', output: '' },
      ],
      stream: true,
    });
  });
});
