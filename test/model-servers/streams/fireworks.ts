import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  id: 'e3b1',
  object: 'chat.completion.chunk',
  created: 1_740_000_000,
  model: 'accounts/fireworks/models/m',
  usage: null,
});
const failure = (code: number, type: string, message: string) => body(code, { error: { object: 'error', type, message } });

export const fireworks: Row[] = [
  {
    name: 'counts usage in the chunk of the finish',
    replies: sse(
      chunk({ role: 'assistant' }),
      chunk({ content: 'Hello' }),
      chunk({}, 'stop', { usage: { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 } }),
    ),
    expect: { text: 'Hello', usage: [8, 2], requests: 1 },
  },
  {
    name: 'continues a call with an id of null',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant' }),
      chunk({
        tool_calls: [tool({ index: 0, id: 'call_Fw', name: 'get_weather', args: '{"city"' })],
      }),
      chunk({
        tool_calls: [{ index: 0, id: null, function: { name: null, arguments: ': "Oslo"}' } }],
      }),
      chunk({}, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'leaves out a field that the error names after field:',
    source: 'docs',
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'stream_options' in sent,
      failure(400, 'invalid_request_error', "Extra inputs are not permitted, field: 'stream_options', value: {'include_usage': True}"),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tries once when the model is not deployed',
    source: 'docs',
    replies: failure(404, 'error', 'Model not found, inaccessible, and/or not deployed'),
    expect: { status: 'failed', error: /not deployed/, requests: 1 },
  },
  {
    name: 'tries once when the account is suspended',
    source: 'docs',
    replies: failure(412, 'error', 'Account a is suspended, possibly due to reaching the monthly spending limit.'),
    expect: { status: 'failed', error: /suspended/, requests: 1 },
  },
  {
    name: 'fails the run when the server stays overloaded',
    replies: body(503, { error: { object: 'error', type: 'internal_server_error', message: 'overloaded' } }, { 'retry-after-ms': '1' }),
    expect: { status: 'failed', code: 'server_error', requests: [2, 5] },
  },
  {
    name: 'does not repeat what x-should-retry forbids',
    replies: body(503, { error: { message: 'overloaded' } }, { 'x-should-retry': 'false' }),
    expect: { status: 'failed', code: 'server_error', requests: 1 },
  },
  {
    name: 'reads digits as text',
    replies: sse(chunk({ role: 'assistant' }), chunk({ content: '4' }), chunk({ content: '2' }), chunk({}, 'stop')),
    expect: { text: '42', requests: 1 },
  },
  {
    name: 'joins the halves of a surrogate pair from two chunks',
    replies: text('a\ud83d', '\ude00b'),
    expect: { text: 'a😀b', requests: 1 },
  },
];
