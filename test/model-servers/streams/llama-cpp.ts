import type { Row } from '../row.ts';
import {
  asksNewest,
  body,
  calls,
  chunksOf,
  CODE,
  GROWN,
  narrow,
  namesCode,
  open,
  OSLO,
  refusing,
  sse,
  stream,
  text,
  TIME,
  tool,
  WEATHER,
} from '../row.ts';

const chunk = chunksOf({
  created: 1_758_000_000,
  id: 'chatcmpl-Xq1',
  model: 'gpt-3.5-turbo',
  system_fingerprint: 'b6432-4b0e1e5',
  object: 'chat.completion.chunk',
});
const TIMINGS = { timings: { prompt_n: 12, prompt_ms: 92.1, predicted_n: 3, predicted_ms: 41.2 } };
const role = chunk({ role: 'assistant', content: null });
const tooLong = (code: number, more: object = {}) => ({
  error: {
    code,
    message: 'the request exceeds the available context size. try increasing the context size or enable context shift',
    type: 'exceed_context_size_error',
    ...more,
  },
});

export const llamaCpp: Row[] = [
  {
    name: 'skips timings, and counts the usage beside them',
    replies: sse(role, chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop'), {
      ...chunk({}),
      choices: [],
      usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
      ...TIMINGS,
    }),
    expect: { text: 'Hello', usage: [12, 3], requests: 1 },
  },
  {
    name: 'writes arguments that are an object as JSON',
    source: 'ggml-org/llama.cpp#20198',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({
        tool_calls: [tool({ index: 0, id: 'Gk2r', name: 'get_weather', args: { city: 'Oslo' } })],
      }),
      chunk({}, 'tool_calls', TIMINGS),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'reads arguments that come in single characters',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({ tool_calls: [tool({ index: 0, id: 'Gk2r', name: 'get_weather', args: '{' })] }),
      ...Array.from('"city":"Oslo"}', (character) => chunk({ tool_calls: [{ index: 0, function: { arguments: character } }] })),
      chunk({}, 'tool_calls'),
    ),
    expect: { calls: [['get_weather', '{"city":"Oslo"}']], requests: 2 },
  },
  {
    name: 'shortens a long thread after exceed_context_size_error',
    source: 'ggml-org/llama.cpp#15780',
    turns: GROWN,
    replies: narrow(body(400, tooLong(400, { n_prompt_tokens: 6050, n_ctx: 4096 }))),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'shortens a long thread after exceed_context_size_error under the status 500',
    source: 'ggml-org/llama.cpp#15780',
    turns: GROWN,
    replies: narrow(body(500, tooLong(500, { n_prompt_tokens: 6050, n_ctx: 4096 }))),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'shortens a long thread after a context error without numbers',
    source: 'continuedev/continue#9797',
    turns: GROWN,
    replies: narrow(
      body(400, {
        error: {
          code: 400,
          message: 'the request exceeds the available context size, try increasing it',
          type: 'invalid_request_error',
        },
      }),
    ),
    expect: { text: 'ok', requests: [2, 6], sent: asksNewest },
  },
  {
    name: 'keeps to n_ctx of GET /models from the first request on',
    turns: GROWN,
    models: {
      object: 'list',
      data: [
        {
          id: 'gpt-3.5-turbo',
          object: 'model',
          owned_by: 'llamacpp',
          meta: { n_ctx_train: 32_768, n_ctx: 4096 },
        },
      ],
    },
    replies: narrow(body(400, tooLong(400))),
    expect: { text: 'ok', requests: 1, sent: asksNewest },
  },
  {
    name: 'tries again while the model is being loaded',
    replies: [body(503, { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again after an event whose field is error',
    source: 'llama.cpp server code',
    replies: [
      open(role, chunk({ content: 'Half' }), 'error: {"code":500,"message":"context shift is disabled","type":"server_error"}\n\n'),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'joins messages of one role once the template has refused them under the status 500',
    source: 'ggml-org/llama.cpp chat templates',
    turns: [
      ['one', 'two'],
      ['three', 'four'],
    ],
    replies: refusing(
      ({ messages }) => messages.some(({ role: one }, n) => one === 'user' && messages[n + 1]?.role === 'user'),
      body(500, {
        error: {
          code: 500,
          message: 'Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/...',
          type: 'server_error',
        },
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'ends the run at its completion limit when the server ignores it',
    source: 'ggml-org/llama.cpp#13700',
    run: { max_completion_tokens: 256 },
    replies: text(...Array.from({ length: 1_000 }, () => 'word ')),
    expect: { status: 'incomplete', cut: /^(word ?){200,600}$/, requests: 1 },
  },
  {
    name: 'hands out no call whose arguments pass the completion limit',
    source: 'ggml-org/llama.cpp#13700',
    tools: [WEATHER],
    run: { max_completion_tokens: 256 },
    replies: calls(
      tool({ index: 0, id: 'Gk2r', name: 'get_weather', args: '{"city":"' }),
      ...Array.from({ length: 1_000 }, () => ({ index: 0, function: { arguments: 'word ' } })),
      { index: 0, function: { arguments: '"}' } },
    ),
    expect: { status: 'incomplete', requests: 1 },
  },
  {
    name: 'tells the model that code_interpreter expects code, when it has python',
    tools: [CODE],
    replies: calls(tool({ index: 0, id: 'Gk2r', name: 'code_interpreter', args: '{"python": "print(1)"}' })),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
  {
    name: 'reads arguments of the text null as {}',
    tools: [TIME],
    replies: calls(tool({ index: 0, id: 'Gk2r', name: 'get_time', args: 'null' })),
    expect: { calls: [['get_time', '{}']], requests: 2 },
  },
  {
    name: 'ends the run at its completion limit when the whole answer comes in one write',
    source: 'ggml-org/llama.cpp#13700',
    run: { max_completion_tokens: 256 },
    replies: stream([text(...Array.from({ length: 1_000 }, () => 'word ')).parts.join('')]),
    expect: { status: 'incomplete', cut: /^(word ?){200,600}$/, requests: 1 },
  },
];
