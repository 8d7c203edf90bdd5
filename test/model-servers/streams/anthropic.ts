import type { Row } from '../row.ts';
import { afterTools, body, chunksOf, DONE, open, OSLO, sse, text, TIME, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    id: 'msg_01',
    created: 1_740_000_000,
    model: 'claude-sonnet-4',
    object: 'chat.completion.chunk',
  },
  { logprobs: null },
);
const role = chunk({ role: 'assistant', content: '' });
const failure = (code: number, type: string, message: string) =>
  body(code, { type: 'error', error: { type, message }, request_id: 'req_011' });

export const anthropic: Row[] = [
  {
    name: 'neither stores nor sends back blank text before a call',
    source: 'anomalyco/opencode#31259',
    tools: [WEATHER],
    replies: (sent) => {
      const blank = sent.messages.some(
        ({ role: from, content }) => from === 'assistant' && typeof content === 'string' && content.trim() === '',
      );
      if (blank) return failure(400, 'invalid_request_error', 'messages: text content blocks must contain non-whitespace text');
      if (afterTools(sent)) return text(DONE);
      return sse(
        role,
        chunk({ content: '\n\n' }),
        chunk({ tool_calls: [tool({ index: 0, id: 'toolu_01', name: 'get_weather', args: '' })] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"}' } }] }),
        chunk({}, 'tool_calls'),
      );
    },
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'stores no message for an answer of blanks',
    source: 'home-assistant/core#175637',
    turns: [['one'], ['two']],
    replies: [sse(role, chunk({ content: ' \n' }), chunk({}, 'stop')), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'keeps blanks within an answer',
    replies: sse(role, chunk({ content: 'Hello' }), chunk({ content: '\n\n' }), chunk({ content: 'you' }), chunk({}, 'stop')),
    expect: { text: 'Hello\n\nyou', requests: 1 },
  },
  {
    name: 'reads empty arguments as {}, and sends {} back',
    source: 'openai/openai-agents-js#664',
    tools: [TIME],
    replies: sse(role, chunk({ tool_calls: [tool({ index: 0, id: 'toolu_01', name: 'get_time', args: '' })] }), chunk({}, 'tool_calls')),
    expect: { calls: [['get_time', '{}']], requests: 2 },
  },
  {
    name: 'tries again after an overload',
    replies: [failure(529, 'overloaded_error', 'Overloaded'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again after an overload within the stream',
    source: 'BerriAI/litellm#4562',
    replies: [
      open(
        role,
        chunk({ content: 'Half' }),
        'event: error\ndata: {"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}      }\n\n',
      ),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries once when an error of the request comes within the stream',
    replies: open(role, 'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error","message":"prompt is blocked"}}\n\n'),
    expect: { status: 'failed', error: /prompt is blocked/, requests: 1 },
  },
  {
    name: 'tells the reason of an error in the native shape, knows a spent account, and tries once',
    source: 'anthropics/claude-code#23369',
    replies: failure(400, 'invalid_request_error', 'Your credit balance is too low to access the Anthropic API.'),
    expect: { status: 'failed', code: 'rate_limit_exceeded', error: /credit balance/, requests: 1 },
  },
  {
    name: 'skips events that are not chunks',
    replies: sse(
      'event: ping\ndata: {"type":"ping"}\n\n',
      role,
      `event: completion\ndata: ${JSON.stringify(chunk({ content: 'Hello' }))}\n\n`,
      'event: ping\ndata: {"type": "ping"}\n\n',
      chunk({}, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'ends incomplete at the finish max_tokens',
    replies: sse(role, chunk({ content: 'Half' }), chunk({}, 'max_tokens')),
    expect: { status: 'incomplete', cut: 'Half', requests: 1 },
  },
  {
    name: 'completes at the finish end_turn',
    replies: sse(role, chunk({ content: 'Hello' }), chunk({}, 'end_turn')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'does not take the finish refusal for success',
    replies: sse(role, chunk({ content: 'To make' }), chunk({}, 'refusal')),
    expect: { status: ['failed', 'incomplete'], cut: 'To make', requests: 1 },
  },
  {
    name: 'reads calls at the finish tool_use',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({
        tool_calls: [tool({ index: 0, id: 'toolu_01', name: 'get_weather', args: '{"city": "Oslo"}' })],
      }),
      chunk({}, 'tool_use'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
];
