import type { Row } from '../row.ts';
import { readsVerse, asksNewest, body, chunksOf, GROWN, narrow, open, OSLO, refusing, ROME } from '../row.ts';
import { sse, text, TIME, tool, WEATHER } from '../row.ts';

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
    name: 'a second call under the index of the first begins with its id',
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
    name: 'arguments that are sent whole once more at the end are the same arguments',
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
    name: 'whole arguments after their first brace are the arguments',
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
    name: 'id and name that are sent again with the last arguments and the finish are known already',
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
    name: 'empty arguments in the last chunk add nothing',
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
    name: 'a call whose arguments are null has none',
    source: 'vllm-project/vllm#9693',
    tools: [TIME],
    replies: sse(role, called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_time', args: null })), end),
    expect: { calls: [['get_time', '{}']], requests: 2 },
  },
  {
    name: 'calls may be written in turns',
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
    name: 'a name with a token of the model in it is no tool: the model hears so and goes on',
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
    name: 'reasoning_content is not shown, and usage that grows with each chunk is counted once',
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
    name: 'a grown thread is sent shorter when it is too long',
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
    name: 'the length that the server lists for its model is kept to from the first request on',
    turns: GROWN,
    models: {
      object: 'list',
      data: [{ id: 'any', object: 'model', owned_by: 'vllm', max_model_len: 4096 }],
    },
    replies: narrow(failure(400, 'BadRequestError', 'too long')),
    expect: { text: 'ok', requests: 1, sent: asksNewest },
  },
  {
    name: 'a template that wants turns is given turns, and is not asked wrongly again',
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
    name: 'a server without a parser of calls is asked once or twice, and says what it needs',
    tools: [WEATHER],
    replies: failure(400, 'BadRequestError', '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    expect: { status: 'failed', error: /enable-auto-tool-choice/, requests: [1, 2] },
  },
  {
    name: 'an aborted answer is no success',
    source: 'vLLM server code',
    replies: sse(chunk({ content: 'Half' }), chunk({ content: '' }, 'abort')),
    expect: { status: ['failed', 'incomplete'], cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'an error event with a code of the server is tried again',
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
    name: 'an error event with a code of the request is not',
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
    name: 'a second call beside parallel_tool_calls false stays with the server',
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
    name: 'arguments that are not JSON go back to the server as an object',
    source: 'vllm-project/vllm#43995',
    tools: [WEATHER],
    replies: sse(role, called(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city": "Oslo", ' })), end),
    expect: { calls: [['get_weather', '{"city": "Oslo", ']], requests: 2 },
  },
  {
    name: 'a template without a system role still reads the instructions',
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
    name: 'a limit that is larger than the window is asked for smaller',
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
    name: 'a request that can be no shorter ends, and says why',
    replies: failure(
      400,
      'BadRequestError',
      "This model's maximum context length is 16 tokens. However, you requested 60 tokens (60 in the messages, 0 in the completion).",
    ),
    expect: { status: ['failed', 'incomplete'], requests: [1, 3] },
  },
  {
    name: 'a question that is too long by itself is cut with a mark, or ends the run: it is never left out',
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
    name: 'an output that is too long for the window is cut, and the run goes on',
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
