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
    name: 'the finish and the usage may share a chunk',
    replies: sse(
      chunk({ role: 'assistant' }),
      chunk({ content: 'Hello' }),
      chunk({}, 'stop', { usage: { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 } }),
    ),
    expect: { text: 'Hello', usage: [8, 2], requests: 1 },
  },
  {
    name: 'the name comes with the first arguments, and id null with all others',
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
    name: 'a field that is named at the end of a sentence is left out from then on',
    source: 'docs',
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'stream_options' in sent,
      failure(400, 'invalid_request_error', "Extra inputs are not permitted, field: 'stream_options', value: {'include_usage': True}"),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'a model that is not deployed is asked once',
    source: 'docs',
    replies: failure(404, 'error', 'Model not found, inaccessible, and/or not deployed'),
    expect: { status: 'failed', error: /not deployed/, requests: 1 },
  },
  {
    name: 'a suspended account is asked once',
    source: 'docs',
    replies: failure(412, 'error', 'Account a is suspended, possibly due to reaching the monthly spending limit.'),
    expect: { status: 'failed', error: /suspended/, requests: 1 },
  },
  {
    name: 'a server that is overloaded for long fails the run with what it was',
    replies: body(503, { error: { object: 'error', type: 'internal_server_error', message: 'overloaded' } }, { 'retry-after-ms': '1' }),
    expect: { status: 'failed', code: 'server_error', requests: [2, 5] },
  },
  {
    name: 'what the server says not to repeat is not repeated',
    replies: body(503, { error: { message: 'overloaded' } }, { 'x-should-retry': 'false' }),
    expect: { status: 'failed', code: 'server_error', requests: 1 },
  },
  {
    name: 'a text of a number is a text',
    replies: sse(chunk({ role: 'assistant' }), chunk({ content: '4' }), chunk({ content: '2' }), chunk({}, 'stop')),
    expect: { text: '42', requests: 1 },
  },
  {
    name: 'lone halves of a surrogate pair in two chunks are one character',
    replies: text('a\ud83d', '\ude00b'),
    expect: { text: 'a😀b', requests: 1 },
  },
];
