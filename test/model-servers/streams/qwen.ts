import type { Row } from '../row.ts';
import { refusing, asksNewest, body, chunksOf, GROWN, narrow, OSLO, ROME, sse, text, tool, WEATHER } from '../row.ts';

const wrap = chunksOf(
  {
    model: 'qwen-plus',
    object: 'chat.completion.chunk',
    system_fingerprint: null,
    created: 1_747_000_000,
    id: 'chatcmpl-fdd9',
  },
  { logprobs: null },
);
const chunk = (delta: object, finish: string | null = null) => wrap(delta, finish, { usage: null });
const usage = {
  ...wrap({}),
  choices: [],
  usage: { prompt_tokens: 22, completion_tokens: 6, total_tokens: 28 },
};

export const qwen: Row[] = [
  {
    name: 'counts usage that is null before the last chunk',
    replies: sse(
      chunk({ content: null, reasoning_content: 'Hm' }),
      chunk({ content: 'Hello', reasoning_content: null }),
      chunk({ content: '' }, 'stop'),
      usage,
    ),
    expect: { text: 'Hello', usage: [22, 6], requests: 1 },
  },
  {
    name: 'continues a call with an empty id',
    source: 'docs',
    tools: [WEATHER],
    replies: sse(
      chunk({ content: '', role: 'assistant' }),
      chunk({
        tool_calls: [tool({ index: 0, id: 'call_f1', name: 'get_weather', args: '' })],
        content: null,
      }),
      chunk({
        tool_calls: [{ index: 0, id: '', type: 'function', function: { arguments: '{"city": "' } }],
        content: null,
      }),
      chunk({
        tool_calls: [{ index: 0, id: '', type: 'function', function: { arguments: 'Oslo"}' } }],
        content: null,
      }),
      chunk({
        tool_calls: [{ index: 0, id: '', type: 'function', function: { arguments: null } }],
        content: null,
      }),
      chunk({
        tool_calls: [tool({ index: 1, id: 'call_f2', name: 'get_weather', args: '{"city": "Rome"}' })],
        content: null,
      }),
      chunk({ content: '' }, 'tool_calls'),
      usage,
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'keeps arguments that come before their name',
    source: 'vercel/ai#14722',
    tools: [WEATHER],
    replies: sse(
      chunk({ tool_calls: [tool({ index: 0, id: 'call_f1', name: '', args: '{"city"' })] }),
      chunk({ tool_calls: [tool({ index: 0, id: '', name: 'get_weather', args: ': "Oslo"}' })] }),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'fails the run when a call is never named',
    source: 'vllm-project/vllm#52418',
    tools: [WEATHER],
    replies: sse(
      chunk({
        tool_calls: [tool({ index: 0, id: 'call_f1', name: '', args: '{"city": "Oslo"}' })],
      }),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { status: 'failed', requests: [1, 2] },
  },
  {
    name: 'tries once when an inspection refuses the prompt',
    source: 'docs',
    replies: body(400, {
      error: {
        code: 'data_inspection_failed',
        param: null,
        message: 'Input data may contain inappropriate content.',
        type: 'data_inspection_failed',
      },
      id: 'chatcmpl-1',
      request_id: '1',
    }),
    expect: {
      status: 'failed',
      code: 'invalid_prompt',
      error: /inappropriate content/,
      requests: 1,
    },
  },
  {
    name: 'shortens a long thread after an error that names a range',
    source: 'docs',
    turns: GROWN,
    replies: narrow(
      body(400, {
        code: 'InvalidParameter',
        message: '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 4096]',
        request_id: '2',
      }),
    ),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'tries once when the account is in arrears',
    source: 'docs',
    replies: body(400, {
      error: {
        code: 'Arrearage',
        message: 'Access denied, please make sure your account is in good standing.',
        type: 'Arrearage',
      },
    }),
    expect: { status: 'failed', error: /good standing/, requests: 1 },
  },
  {
    name: 'tries again after limit_requests',
    replies: [
      body(429, {
        error: {
          code: 'limit_requests',
          message: 'You exceeded your current requests list.',
          type: 'limit_requests',
        },
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'leaves the model the choice when it refuses tool_choice required',
    source: 'cloudwego/eino#994',
    tools: [WEATHER],
    run: { tool_choice: 'required' },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => sent['tool_choice'] === 'required' || typeof sent['tool_choice'] === 'object',
      body(400, {
        error: {
          message:
            '<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to required or object in thinking mode',
          type: 'invalid_request_error',
          param: null,
          code: 'invalid_parameter_error',
        },
        request_id: '5bf7',
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
];
