import type { Row } from '../row.ts';
import {
  readsVerse,
  body,
  broken,
  calls,
  chunksOf,
  CODE,
  narrow,
  GROWN,
  asksNewest,
  namesCode,
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
    id: 'chatcmpl-A1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'gpt-4o-2024-08-06',
    service_tier: 'default',
    system_fingerprint: 'fp_1',
    usage: null,
    obfuscation: 'x7Zq',
  },
  { logprobs: null },
);
const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
const first = (delta: object) => chunk({ role: 'assistant', content: '', refusal: null, ...delta });

const unsupported = (param: string, message: string, code: string) =>
  body(400, { error: { message, type: 'invalid_request_error', param, code } });

export const openai: Row[] = [
  {
    name: 'reads the text, and the usage of the chunk after the finish',
    replies: sse(first({}), chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop'), { ...chunk({}), choices: [], usage }),
    expect: { text: 'Hello', usage: [9, 4], requests: 1 },
  },
  {
    name: 'reads parallel calls by their index',
    tools: [WEATHER],
    replies: sse(
      first({
        content: null,
        tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '' })],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] }),
      chunk({ tool_calls: [tool({ index: 1, id: 'call_2', name: 'get_weather', args: '' })] }),
      chunk({ tool_calls: [{ index: 1, function: { arguments: '{"city":"Rome"}' } }] }),
      chunk({}, 'tool_calls'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'reads a call that ends with stop, as tool_choice forces it',
    source: 'docs',
    tools: [WEATHER],
    run: { tool_choice: { type: 'function', function: { name: 'get_weather' } } },
    replies: sse(
      first({
        tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Oslo"}' })],
      }),
      chunk({}, 'stop'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'shows a refusal as a refusal, not as text',
    source: 'langchain-ai/langchain#39747',
    replies: sse(first({ refusal: '' }), chunk({ refusal: "I'm sorry, " }), chunk({ refusal: "I can't." }), chunk({}, 'stop')),
    expect: { refusal: "I'm sorry, I can't.", requests: 1 },
  },
  {
    name: 'reads a legacy function_call as a call',
    source: 'docs',
    tools: [WEATHER],
    replies: sse(
      first({ content: null, function_call: { name: 'get_weather', arguments: '' } }),
      chunk({ function_call: { arguments: '{"city"' } }),
      chunk({ function_call: { arguments: ':"Oslo"}' } }),
      chunk({}, 'function_call'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'fails the run at once when a content filter cuts the answer',
    replies: sse(first({}), chunk({ content: 'I must' }), chunk({}, 'content_filter')),
    expect: { status: 'failed', cut: 'I must', error: /content filter/, requests: 1 },
  },
  {
    name: 'ends incomplete when the answer is cut by its length',
    replies: sse(first({}), chunk({ content: 'As I was' }), chunk({}, 'length')),
    expect: { status: 'incomplete', cut: 'As I was', requests: 1 },
  },
  {
    name: 'hands out no call whose arguments are cut by their length',
    tools: [WEATHER],
    replies: sse(first({ tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"ci' })] }), chunk({}, 'length')),
    expect: { status: 'incomplete', requests: 1 },
  },
  {
    name: 'tries again after an error in the middle of a stream',
    source: 'openai/openai-node#1746',
    replies: [
      sse(first({}), chunk({ content: 'Half' }), {
        error: {
          message: 'The server had an error.',
          type: 'server_error',
          param: null,
          code: null,
        },
      }),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries again after a broken connection',
    replies: [broken(sse(first({}), chunk({ content: 'Half an' }), 'data: {"id":"chatc')), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'names insufficient_quota and does not try again',
    replies: body(429, {
      error: {
        message: 'You exceeded your current quota, please check your plan and billing details.',
        type: 'insufficient_quota',
        param: null,
        code: 'insufficient_quota',
      },
    }),
    expect: { status: 'failed', code: 'rate_limit_exceeded', error: /quota/i, requests: 1 },
  },
  {
    name: 'does not try again when insufficient_quota is the first event of a stream',
    replies: sse({
      error: {
        message: 'You exceeded your current quota.',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      },
    }),
    expect: { status: 'failed', error: /quota/i, requests: 1 },
  },
  {
    name: 'waits for a rate limit as long as retry-after-ms says',
    replies: [
      body(
        429,
        {
          error: {
            message: 'Rate limit reached for gpt-4o.',
            type: 'tokens',
            code: 'rate_limit_exceeded',
          },
        },
        { 'retry-after-ms': '20' },
      ),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries a wrong key once',
    replies: body(401, {
      error: {
        message: 'Incorrect API key provided: sk-1.',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    }),
    expect: { status: 'failed', code: 'server_error', error: /key/, requests: 1 },
  },
  {
    name: 'shortens a long thread after context_length_exceeded',
    turns: GROWN,
    replies: narrow(
      body(400, {
        error: {
          message:
            "This model's maximum context length is 4096 tokens. However, your messages resulted in 6050 tokens. Please reduce the length of the messages.",
          type: 'invalid_request_error',
          param: 'messages',
          code: 'context_length_exceeded',
        },
      }),
    ),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'leaves out temperature once the model has refused it',
    source: 'tmc/langchaingo#1355',
    run: { temperature: 0.2 },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'temperature' in sent,
      unsupported(
        'temperature',
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
        'unsupported_value',
      ),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'leaves out parallel_tool_calls once the model has refused it',
    source: 'langchain-ai/langchain#29416',
    tools: [WEATHER],
    run: { parallel_tool_calls: false },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'parallel_tool_calls' in sent,
      unsupported(
        'parallel_tool_calls',
        "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
        'unsupported_parameter',
      ),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'moves the instructions for a model that refuses the system role',
    source: 'docs',
    instructions: 'Answer in verse.',
    turns: [['one'], ['two']],
    replies: refusing(
      ({ messages }) => messages.some(({ role }) => role === 'system'),
      unsupported(
        'messages[0].role',
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        'unsupported_value',
      ),
    ),
    expect: {
      text: ['ok', 'ok'],
      requests: 3,
      sent: readsVerse,
    },
  },
  {
    name: 'leaves out reasoning_effort once the model has refused it',
    source: 'docs',
    run: { reasoning_effort: 'low' },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'reasoning_effort' in sent,
      body(400, {
        error: {
          message: 'Unrecognized request argument supplied: reasoning_effort',
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tries a request once that is wrong for a reason nobody knows',
    tools: [TIME],
    replies: unsupported('tools[0].function.name', "Invalid 'tools[0].function.name': string does not match pattern.", 'invalid_value'),
    expect: {
      status: 'failed',
      code: 'invalid_prompt',
      error: /does not match pattern/,
      requests: 1,
    },
  },
  {
    name: 'leaves U+0000 out of text',
    source: 'aegra/aegra#370',
    replies: text('a\u0000', 'b'),
    expect: { text: 'ab', requests: 1 },
  },
  {
    name: 'leaves U+0000 out of arguments',
    tools: [WEATHER],
    replies: calls(tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Os\u0000lo"}' })),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'keeps an escaped U+0000 in arguments',
    tools: [WEATHER],
    replies: calls(tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Os\\u0000lo"}' })),
    expect: { calls: [['get_weather', '{"city":"Os\\u0000lo"}']], requests: 2 },
  },
  {
    name: 'tells the model which argument code_interpreter expects, when it has another',
    source: 'NousResearch/hermes-agent#83937',
    tools: [CODE],
    replies: calls(tool({ index: 0, id: 'call_1', name: 'code_interpreter', args: '{"input":"print(6*7)"}' })),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
  {
    name: 'lowers a completion limit that is larger than one answer of the model may be',
    source: 'docs',
    run: { max_completion_tokens: 50_000 },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => Number(sent['max_completion_tokens'] ?? sent['max_tokens'] ?? 0) > 16_384,
      unsupported(
        'max_completion_tokens',
        'max_tokens is too large: 50000. This model supports at most 16384 completion tokens, whereas you provided 50000.',
        'invalid_value',
      ),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
];
