import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, refusing, sse, text, TIME, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  model: 'claude-3-7',
  id: 'msg_bdrk',
  object: 'chat.completion.chunk',
  created: 1_742_000_000,
});
const failure = (code: number, error_code: string, message: string) => body(code, { error_code, message });
const thought = (value: string) => ({
  type: 'reasoning',
  summary: [{ type: 'summary_text', text: value, signature: '' }],
});

export const databricks: Row[] = [
  {
    name: 'shows texts and parts of text, and leaves out parts of reasoning',
    source: 'docs',
    replies: sse(
      chunk({ role: 'assistant', content: [thought('Let me')] }),
      chunk({ role: 'assistant', content: [thought(' think.')] }),
      chunk({ role: 'assistant', content: [{ type: 'text', text: 'Hel' }] }),
      chunk({ role: 'assistant', content: 'lo' }),
      chunk({ role: 'assistant', content: '' }, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'shows parts of refusal as a refusal',
    replies: sse(
      chunk({ role: 'assistant', content: [{ type: 'refusal', refusal: "I can't " }] }),
      chunk({ content: [{ type: 'refusal', refusal: 'do that' }] }),
      chunk({}, 'stop'),
    ),
    expect: { refusal: "I can't do that", requests: 1 },
  },
  {
    name: 'reads a content that is one part',
    replies: sse(
      chunk({ role: 'assistant', content: { type: 'text', text: 'Hello' } }),
      chunk({ content: { type: 'text', text: ' you' } }),
      chunk({}, 'stop'),
    ),
    expect: { text: 'Hello you', requests: 1 },
  },
  {
    name: 'reads a content that is a number',
    replies: sse(chunk({ role: 'assistant', content: 4 }), chunk({ content: 2 }), chunk({}, 'stop')),
    expect: { text: '42', requests: 1 },
  },
  {
    name: 'reads empty arguments as {}',
    tools: [TIME],
    replies: sse(
      chunk({
        role: 'assistant',
        content: null,
        tool_calls: [tool({ index: 0, id: 'toolu_bdrk_01', name: 'get_time', args: '' })],
      }),
      chunk({ role: 'assistant', content: '' }, 'tool_calls'),
    ),
    expect: { calls: [['get_time', '{}']], requests: 2 },
  },
  {
    name: 'keeps parts of text before a call',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant', content: [{ type: 'text', text: 'I will look.' }] }),
      chunk({
        content: [],
        tool_calls: [tool({ index: 0, id: 'toolu_bdrk_01', name: 'get_weather', args: '{"city": "Oslo"}' })],
      }),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { text: 'I will look.', calls: [OSLO], requests: 2 },
  },
  {
    name: 'leaves out stream_options after json: unknown field',
    source: 'docs',
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'stream_options' in sent,
      failure(400, 'BAD_REQUEST', 'Bad request: json: unknown field "stream_options"\n'),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tries again after REQUEST_LIMIT_EXCEEDED',
    replies: [
      failure(429, 'REQUEST_LIMIT_EXCEEDED', 'REQUEST_LIMIT_EXCEEDED: Exceeded workspace input tokens per minute rate limit.'),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries once when the endpoint does not exist',
    replies: failure(404, 'RESOURCE_DOES_NOT_EXIST', 'The given endpoint does not exist, please retry after checking the specified model'),
    expect: { status: 'failed', error: /does not exist/, requests: 1 },
  },
];
