import type { Row } from '../row.ts';
import { afterTools, asksNewest, body, chunksOf, DONE, GROWN, narrow, OSLO, refusing, ROME, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  id: 'chatcmpl-66',
  object: 'chat.completion.chunk',
  created: 1_698_999_575,
  model: 'kimi-k2',
  system_fingerprint: 'fpv0_1',
});
const end = (finish: string) => ({
  ...chunk({}),
  choices: [
    {
      index: 0,
      delta: {},
      finish_reason: finish,
      usage: { prompt_tokens: 19, completion_tokens: 13, total_tokens: 32 },
    },
  ],
});
const failure = (code: number, type: string, message: string) => body(code, { error: { message, type } });
const two = sse(
  chunk({ role: 'assistant', content: '' }),
  chunk({
    tool_calls: [tool({ index: 0, id: 'functions.get_weather:0', name: 'get_weather', args: '' })],
  }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"}' } }] }),
  chunk({
    tool_calls: [
      tool({
        index: 1,
        id: 'functions.get_weather:1',
        name: 'get_weather',
        args: '{"city": "Rome"}',
      }),
    ],
  }),
  end('tool_calls'),
);

export const moonshot: Row[] = [
  {
    name: 'skips usage within the choice',
    replies: sse(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hello' }), end('stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'sends ids back that name their function',
    source: 'vllm-project/vllm#46344',
    tools: [WEATHER],
    replies: (sent) => {
      if (!afterTools(sent)) return two;
      const ids = sent.messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id));
      return ids.join() === 'functions.get_weather:0,functions.get_weather:1'
        ? text(DONE)
        : failure(400, 'invalid_request_error', `tool_call_id ${ids.join()} is not found`);
    },
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'tells ids apart that begin anew with each turn',
    source: 'vllm-project/vllm#46344',
    tools: [WEATHER],
    replies: (sent) => {
      const results = sent.messages.filter(({ role }) => role === 'tool').length;
      return results < 4 ? two : text(DONE);
    },
    expect: { calls: [OSLO, ROME, OSLO, ROME], requests: 3 },
  },
  {
    name: 'fails the run when tool_calls ends an answer without a call and text',
    source: 'MoonshotAI/Kimi-K2#41',
    tools: [WEATHER],
    replies: sse(chunk({ role: 'assistant', content: null }), end('tool_calls')),
    expect: { status: 'failed', requests: [1, 5] },
  },
  {
    name: 'completes a text that ends with tool_calls',
    tools: [WEATHER],
    replies: sse(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hello' }), end('tool_calls')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tries again after engine_overloaded_error',
    replies: [failure(429, 'engine_overloaded_error', 'The engine is currently overloaded, please try again later'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries once after exceeded_current_quota_error',
    source: 'docs',
    replies: failure(429, 'exceeded_current_quota_error', 'Your account is suspended, please check your plan and billing details'),
    expect: { status: 'failed', code: 'rate_limit_exceeded', requests: 1 },
  },
  {
    name: 'leaves out temperature when only one is allowed',
    source: 'moona3k/macparakeet#1087',
    run: { temperature: 0.2 },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'temperature' in sent,
      failure(400, 'invalid_request_error', 'invalid temperature: only 1 is allowed for this model'),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'shortens a long thread after an error that names the token limit',
    turns: GROWN,
    replies: narrow(
      failure(400, 'invalid_request_error', 'Invalid request: Your request exceeded model token limit: 4096 (requested: 6050)'),
    ),
    expect: { text: 'ok', requests: [2, 3], sent: asksNewest },
  },
];
