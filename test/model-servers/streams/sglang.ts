import type { Row } from '../row.ts';
import { asksNewest, body, chunksOf, GROWN, narrow, OSLO, ROME, sse, tool, WEATHER } from '../row.ts';

const wrap = chunksOf({ id: 'fe1d2314', object: 'chat.completion.chunk', created: 1_747_281_101, model: 'Qwen/Qwen3' }, { logprobs: null });
const NONE = { role: null, content: null, reasoning_content: null, tool_calls: null };
const chunk = (delta: object, finish: string | null = null) => wrap({ ...NONE, ...delta }, finish, { usage: null });
const called = (delta: object) => chunk({ tool_calls: [delta] });
const role = chunk({ role: 'assistant', content: '' });
const end = chunk({}, 'tool_calls');

export const sglang: Row[] = [
  {
    name: 'skips fields that are null',
    source: 'sgl-project/sglang#6310',
    replies: sse(role, chunk({ reasoning_content: ' and' }), chunk({ content: 'Hello' }), chunk({}, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tells calls under one index apart by an id in each delta',
    source: 'InternLM/lmdeploy#3412',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: '0', name: 'get_weather', args: '' })),
      called(tool({ index: 0, id: '0', name: null, args: '{"city":' })),
      called(tool({ index: 0, id: '0', name: null, args: '"Oslo"}' })),
      called(tool({ index: 0, id: '1', name: 'get_weather', args: '' })),
      called(tool({ index: 0, id: '1', name: null, args: '{"city":"Rome"}' })),
      end,
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'reads calls whose index jumps',
    source: 'sgl-project/sglang#6310',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 1, id: 'call_1', name: 'get_weather', args: '{"city":"Oslo"}' })),
      called(tool({ index: 3, id: 'call_3', name: 'get_weather', args: '' })),
      called({ index: 3, id: null, function: { name: null, arguments: '{"city":"Rome"}' } }),
      end,
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'reads a JSON completion in place of a stream',
    source: 'sgl-project/sglang#2810',
    replies: body(200, {
      id: 'fe1d',
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello', tool_calls: null },
          finish_reason: 'stop',
          matched_stop: 151_645,
        },
      ],
      usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
    }),
    expect: { text: 'Hello', usage: [9, 2], requests: 1 },
  },
  {
    name: 'reads the calls of a JSON completion',
    source: 'sgl-project/sglang#2810',
    tools: [WEATHER],
    replies: body(200, {
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: null,
            tool_calls: [tool({ id: '0', name: 'get_weather', args: '{"city": "Oslo"}' })],
          },
          finish_reason: 'tool_calls',
        },
      ],
    }),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'shortens a long thread after an error that names input and context',
    turns: GROWN,
    replies: narrow(
      body(400, {
        object: 'error',
        message: "The input (6050 tokens) is longer than the model's context length (4096 tokens).",
        type: 'BadRequestError',
        param: null,
        code: 400,
      }),
    ),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'keeps a call beside text from the client when tool_choice is none',
    tools: [WEATHER],
    run: { tool_choice: 'none' },
    replies: sse(
      role,
      chunk({ content: 'It is cold.' }),
      called(tool({ index: 0, id: '0', name: 'get_weather', args: '{"city":"Oslo"}' })),
      end,
    ),
    expect: { calls: [], requests: [1, 2] },
  },
];
