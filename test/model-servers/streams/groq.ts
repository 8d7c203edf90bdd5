import type { Row } from '../row.ts';
import { refusing, body, chunksOf, OSLO, ROME, sse, stream, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    id: 'chatcmpl-b4e4',
    object: 'chat.completion.chunk',
    created: 1_740_145_122,
    model: 'llama-3.3-70b',
    system_fingerprint: 'fp_g',
  },
  { logprobs: null },
);
const role = { ...chunk({ role: 'assistant', content: '' }), x_groq: { id: 'req_01jm' } };
const end = (finish: string) =>
  chunk({}, finish, {
    x_groq: {
      id: 'req_01jm',
      usage: { queue_time: 0.02, prompt_tokens: 40, completion_tokens: 5, total_tokens: 45 },
    },
  });
const UNUSABLE = {
  message: "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
  type: 'invalid_request_error',
  code: 'tool_use_failed',
  failed_generation: '<function=get_weather{"city": "Oslo"}</function>',
};

export const groq: Row[] = [
  {
    name: 'skips x_groq',
    replies: {
      ...sse(role, chunk({ content: 'Hello' }), end('stop')),
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    },
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads two whole calls in one delta',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({
        tool_calls: [
          tool({ id: 'call_6s', name: 'get_weather', args: '{"city":"Oslo"}', index: 0 }),
          tool({ id: 'call_7t', name: 'get_weather', args: '{"city":"Rome"}', index: 1 }),
        ],
      }),
      end('tool_calls'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'does not show reasoning on a channel of its own',
    replies: sse(role, chunk({ channel: 'analysis', reasoning: 'Greet back.' }), chunk({ content: 'Hello' }), end('stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tries once after tool_use_failed, with the reason',
    source: 'vercel/ai#5282',
    tools: [WEATHER],
    replies: body(400, { error: UNUSABLE }),
    expect: {
      status: 'failed',
      code: 'invalid_prompt',
      error: /Failed to call a function/,
      requests: 1,
    },
  },
  {
    name: 'tries once after tool_use_failed within the stream',
    source: 'groq/groq-python#119',
    tools: [WEATHER],
    replies: stream([
      `data: ${JSON.stringify(role)}\n\n`,
      `event: error\ndata: ${JSON.stringify({ error: { ...UNUSABLE, status_code: 400 } })}\n\n`,
    ]),
    expect: { status: 'failed', error: /Failed to call a function/, requests: 1 },
  },
  {
    name: 'does not repeat a request that is too large for the minute',
    source: 'docs',
    replies: body(413, {
      error: {
        message:
          'Request too large for model `llama-3.3-70b` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.',
        type: 'tokens',
        code: 'rate_limit_exceeded',
      },
    }),
    expect: { status: ['failed', 'incomplete'], requests: [1, 3] },
  },
  {
    name: 'waits for a fraction of a second when retry-after says so',
    replies: [
      body(
        429,
        {
          error: {
            message: 'Rate limit reached. Please try again in 50ms.',
            type: 'requests',
            code: 'rate_limit_exceeded',
          },
        },
        { 'retry-after': '0.05' },
      ),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'leaves out reasoning once the server that wrote it has refused it',
    source: 'vellum-ai/vellum-assistant#42635',
    tools: [WEATHER],
    replies: refusing(
      ({ messages }) => messages.some((message) => 'reasoning' in message || 'reasoning_content' in message),
      body(400, {
        error: {
          message:
            "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning' is unsupported)]",
          type: 'invalid_request_error',
        },
      }),
      sse(
        role,
        chunk({ reasoning: 'I need the weather.' }),
        chunk({ tool_calls: [tool({ id: 'call_6s', name: 'get_weather', args: '{"city":"Oslo"}', index: 0 })] }),
        end('tool_calls'),
      ),
    ),
    expect: { calls: [OSLO], requests: [2, 3] },
  },
];
