import type { Row } from '../row.ts';
import {
  readsVerse,
  asksNewest,
  body,
  chunksOf,
  GROWN,
  narrow,
  open,
  OSLO,
  refusing,
  ROME,
  sse,
  text,
  TIME,
  tool,
  WEATHER,
} from '../row.ts';

const chunk = chunksOf(
  {
    id: 'chatcmpl-60f4',
    object: 'chat.completion.chunk',
    created: 1_746_282_334,
    model: 'qwen-14b',
  },
  { logprobs: null, stop_reason: null },
);
const role = chunk({ role: 'assistant', content: '' });
const called = (delta: object) => chunk({ tool_calls: [delta] });
const end = chunk({ content: '' }, 'tool_calls');
const failure = (code: number, type: string, message: string) => body(code, { object: 'error', message, type, param: null, code });

export const vllm: Row[] = [
  {
    name: 'begins another call with another id under the same index',
    source: 'InternLM/lmdeploy#3412',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-c9', name: 'get_weather', args: '' })),
      called(tool({ index: 0, id: '', name: null, args: '{"city":"Oslo"}' })),
      called(tool({ index: 0, id: 'chatcmpl-tool-Hf', name: 'get_weather', args: '' })),
      called(tool({ index: 0, id: '', name: null, args: '{"city":"Rome"}' })),
      end,
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'drops arguments that the server sends once more at the end',
    source: 'vllm-project/vllm#51697',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather' })),
      called({ index: 0, function: { arguments: '{"city": ' } }),
      called({ index: 0, function: { arguments: '"Oslo"}' } }),
      called({ index: 0, function: { arguments: '{"city": "Oslo"}' } }),
      end,
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'drops the first brace when whole arguments follow it',
    source: 'vllm-project/vllm#51697',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{' })),
      called({ index: 0, function: { arguments: '{"city": "Oslo"}' } }),
      end,
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'takes the id and the name once when the last chunk repeats them',
    source: 'vllm-project/vllm#44098',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city":' })),
      chunk(
        {
          tool_calls: [tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '"Oslo"}' })],
        },
        'tool_calls',
      ),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'adds nothing for empty arguments in the last chunk',
    source: 'vercel/ai#3953',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-2', name: 'get_weather' })),
      called({ index: 0, function: { arguments: '{"city": "Oslo"}' } }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '' } }] }, 'tool_calls', {
        usage: { prompt_tokens: 226, total_tokens: 246, completion_tokens: 20 },
      }),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'reads arguments of null as {}',
    source: 'vllm-project/vllm#9693',
    tools: [TIME],
    replies: sse(role, called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_time', args: null })), end),
    expect: { calls: [['get_time', '{}']], requests: 2 },
  },
  {
    name: 'reads calls that are written in turns',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city":' })),
      called(tool({ index: 1, id: 'chatcmpl-tool-2', name: 'get_weather', args: '{"city":' })),
      called({ index: 0, function: { arguments: '"Oslo"}' } }),
      called({ index: 1, function: { arguments: '"Rome"}' } }),
      end,
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'tells the model that a name with its control tokens is no tool, and goes on',
    source: 'vllm-project/vllm gpt-oss',
    tools: [WEATHER],
    replies: sse(
      role,
      called(
        tool({
          index: 0,
          id: 'chatcmpl-tool-1',
          name: 'weather<|channel|>json',
          args: '{"city":"Oslo"}',
        }),
      ),
      end,
    ),
    expect: { text: 'Done.', requests: 2 },
  },
  {
    name: 'does not show reasoning_content, and counts usage that grows with each chunk once',
    source: 'vllm-project/vllm#17614',
    replies: sse(
      chunk({ role: 'assistant' }, null, { usage: { prompt_tokens: 10, completion_tokens: 0 } }),
      chunk({ reasoning_content: ' as' }, null, {
        usage: { prompt_tokens: 10, completion_tokens: 1 },
      }),
      chunk({ content: 'Hello' }, null, { usage: { prompt_tokens: 10, completion_tokens: 2 } }),
      chunk({ content: '' }, 'stop', { usage: { prompt_tokens: 10, completion_tokens: 3 } }),
    ),
    expect: { text: 'Hello', usage: [10, 3], requests: 1 },
  },
  {
    name: 'shortens a long thread after an error that names the window',
    turns: GROWN,
    replies: narrow(
      failure(
        400,
        'BadRequestError',
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4500 in the messages, 500 in the completion). Please reduce the length of the messages or completion.",
      ),
    ),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'keeps to max_model_len of GET /models from the first request on',
    turns: GROWN,
    models: {
      object: 'list',
      data: [{ id: 'any', object: 'model', owned_by: 'vllm', max_model_len: 4096 }],
    },
    replies: narrow(failure(400, 'BadRequestError', 'too long')),
    expect: { text: 'ok', requests: 1, sent: asksNewest },
  },
  {
    name: 'joins messages of one role once the template has refused them',
    source: 'vllm-project/vllm#6862',
    turns: [
      ['one', 'two'],
      ['three', 'four'],
    ],
    replies: refusing(
      ({ messages }) => messages.some(({ role: one }, n) => one === 'user' && messages[n + 1]?.role === 'user'),
      failure(400, 'BadRequestError', 'Conversation roles must alternate user/assistant/user/assistant/...'),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tells which options a server without a tool parser needs',
    tools: [WEATHER],
    replies: failure(400, 'BadRequestError', '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    expect: { status: 'failed', error: /enable-auto-tool-choice/, requests: [1, 2] },
  },
  {
    name: 'does not take abort for success',
    source: 'vLLM server code',
    replies: sse(chunk({ content: 'Half' }), chunk({ content: '' }, 'abort')),
    expect: { status: ['failed', 'incomplete'], cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'tries again after an error event whose code is 500',
    replies: [
      open(
        role,
        {
          object: 'error',
          message: 'EngineCore encountered an issue.',
          type: 'InternalServerError',
          param: null,
          code: 500,
        },
        '[DONE]',
      ),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries once when the code of an error event is 400',
    replies: sse(role, {
      error: {
        object: 'error',
        message: 'max_tokens must be at least 1, got -50.',
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    }),
    expect: { status: 'failed', error: /at least 1/, requests: 1 },
  },
  {
    name: 'keeps a second call from the client when parallel_tool_calls is false',
    tools: [WEATHER],
    run: { parallel_tool_calls: false },
    replies: sse(
      role,
      called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city":"Oslo"}' })),
      called(tool({ index: 1, id: 'chatcmpl-tool-2', name: 'get_weather', args: '{"city":"Rome"}' })),
      end,
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'sends arguments that are not JSON back as an object',
    source: 'vllm-project/vllm#43995',
    tools: [WEATHER],
    replies: sse(role, called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city": "Oslo", ' })), end),
    expect: { calls: [['get_weather', '{"city": "Oslo", ']], requests: 2 },
  },
  {
    name: 'moves the instructions for a template that refuses the system role',
    source: 'huggingface/chat-ui#1386',
    instructions: 'Answer in verse.',
    turns: [['one'], ['two']],
    replies: refusing(
      ({ messages }) => messages.some(({ role: from }) => from === 'system'),
      failure(400, 'BadRequestError', 'System role not supported'),
    ),
    expect: { text: ['ok', 'ok'], requests: 3, sent: readsVerse },
  },
  {
    name: 'lowers a completion limit that is larger than the window',
    source: 'vllm-project/vllm#20409',
    run: { max_completion_tokens: 16_384 },
    replies: refusing(
      (sent) => Number(sent['max_completion_tokens'] ?? sent['max_tokens'] ?? 0) > 8_142,
      failure(
        400,
        'BadRequestError',
        "'max_tokens' or 'max_completion_tokens' is too large: 16384. This model's maximum context length is 8192 tokens and your request has 50 input tokens (16384 > 8192 - 50).",
      ),
    ),
    expect: { text: 'ok', requests: [2, 3] },
  },
  {
    name: 'ends the run when a request cannot be made shorter',
    replies: failure(
      400,
      'BadRequestError',
      "This model's maximum context length is 16 tokens. However, you requested 60 tokens (60 in the messages, 0 in the completion).",
    ),
    expect: { status: ['failed', 'incomplete'], requests: [1, 3] },
  },
  {
    name: 'never leaves out a newest message that is too long by itself',
    turns: [[`What is my name? ${'word '.repeat(6_000)}`]],
    replies: narrow(
      failure(
        400,
        'BadRequestError',
        "This model's maximum context length is 4096 tokens. However, you requested 6050 tokens (6050 in the messages, 0 in the completion).",
      ),
    ),
    expect: { status: ['completed', 'incomplete'], requests: [1, 4], sent: asksNewest },
  },
  {
    name: 'cuts a tool output that is too long for the window, and goes on',
    tools: [WEATHER],
    output: 'cold '.repeat(6_000),
    replies: refusing(
      ({ messages }) => JSON.stringify(messages).length > 18_000,
      failure(
        400,
        'BadRequestError',
        "This model's maximum context length is 4096 tokens. However, you requested 6050 tokens (6050 in the messages, 0 in the completion).",
      ),
      sse(role, called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city":"Oslo"}' })), end),
    ),
    expect: { calls: [OSLO], requests: [3, 5] },
  },
];
