import type { Row } from '../row.ts';
import { readsVerse, body, broken, calls, chunksOf, CODE, narrow, GROWN, asksNewest } from '../row.ts';
import { namesCode, OSLO, refusing, ROME, sse, text, TIME, tool, WEATHER } from '../row.ts';

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
    name: 'text between a role and a usage chunk is the answer, and its usage the usage',
    replies: sse(first({}), chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop'), { ...chunk({}), choices: [], usage }),
    expect: { text: 'Hello', usage: [9, 4], requests: 1 },
  },
  {
    name: 'parallel calls come one after the other under their index',
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
    name: 'calls forced by tool_choice end with stop and are calls all the same',
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
    name: 'a refusal is a refusal, not a text',
    source: 'langchain-ai/langchain#39747',
    replies: sse(first({ refusal: '' }), chunk({ refusal: "I'm sorry, " }), chunk({ refusal: "I can't." }), chunk({}, 'stop')),
    expect: { refusal: "I'm sorry, I can't.", requests: 1 },
  },
  {
    name: 'a legacy function_call is a call',
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
    name: 'content_filter in the middle of an answer fails the run once',
    replies: sse(first({}), chunk({ content: 'I must' }), chunk({}, 'content_filter')),
    expect: { status: 'failed', cut: 'I must', error: /content filter/, requests: 1 },
  },
  {
    name: 'length is an answer cut short',
    replies: sse(first({}), chunk({ content: 'As I was' }), chunk({}, 'length')),
    expect: { status: 'incomplete', cut: 'As I was', requests: 1 },
  },
  {
    name: 'a call whose arguments are cut by length reaches no client',
    tools: [WEATHER],
    replies: sse(first({ tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"ci' })] }), chunk({}, 'length')),
    expect: { status: 'incomplete', requests: 1 },
  },
  {
    name: 'an error in the middle of a stream is tried again and leaves one cut message',
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
    name: 'a broken connection is tried again',
    replies: [broken(sse(first({}), chunk({ content: 'Half an' }), 'data: {"id":"chatc')), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'insufficient_quota is named and not tried again',
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
    name: 'insufficient_quota as the first event of a stream is not tried again either',
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
    name: 'a rate limit is waited for as long as the server says',
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
    name: 'a wrong key is tried once',
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
    name: 'a grown thread is sent shorter when the model says that it is too long',
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
    name: 'a model with one temperature is asked without one, and is not asked wrongly again',
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
    name: 'a model without parallel_tool_calls is asked without it',
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
    name: 'a model without a system role still reads the instructions',
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
    name: 'a model that does not reason is asked without reasoning_effort',
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
    name: 'a request that is wrong for another reason is tried once',
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
    name: 'U+0000 in a text is left out',
    source: 'aegra/aegra#370',
    replies: text('a\u0000', 'b'),
    expect: { text: 'ab', requests: 1 },
  },
  {
    name: 'U+0000 in arguments is left out, and they stay JSON',
    tools: [WEATHER],
    replies: calls(tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Os\u0000lo"}' })),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'an escape of U+0000 in arguments is theirs, and reaches the client as it is',
    tools: [WEATHER],
    replies: calls(tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Os\\u0000lo"}' })),
    expect: { calls: [['get_weather', '{"city":"Os\\u0000lo"}']], requests: 2 },
  },
  {
    name: 'code under another name is not run as if it were empty: the model hears what is expected',
    source: 'NousResearch/hermes-agent#83937',
    tools: [CODE],
    replies: calls(tool({ index: 0, id: 'call_1', name: 'code_interpreter', args: '{"input":"print(6*7)"}' })),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
];
