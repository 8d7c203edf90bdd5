import type { Row } from '../row.ts';
import { body, broken, chunksOf, open, OSLO, sse, stream, text, tool, WEATHER } from '../row.ts';

const chunk = (delta: object, finish: string | null = null, more: object = {}) =>
  chunksOf(
    {
      id: 'oMnU-1',
      object: 'chat.completion.chunk',
      created: 1_739_500_000,
      model: 'meta-llama/Llama-3.3-70B',
      prompt: [],
    },
    { logprobs: null, seed: null, text: (delta as { content?: string }).content ?? '' },
  )({ role: 'assistant', tool_calls: [], token_id: 1, ...delta }, finish, { usage: null, ...more });

export const together: Row[] = [
  {
    name: 'completes at the finish eos, and reads the text of a choice once',
    source: 'openai/openai-dotnet#267',
    replies: sse(
      chunk({ content: 'Hello' }),
      chunk({ content: '' }, 'eos', {
        usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      }),
    ),
    expect: { text: 'Hello', usage: [5, 2], requests: 1 },
  },
  {
    name: 'reads an empty list of calls as no call',
    tools: [WEATHER],
    replies: sse(chunk({ content: 'Hello' }), chunk({ content: '' }, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads a call between empty lists of calls',
    tools: [WEATHER],
    replies: sse(
      chunk({ content: '' }),
      chunk({
        content: null,
        tool_calls: [tool({ index: 0, id: 'call_tz', name: 'get_weather', args: '' })],
      }),
      chunk({
        content: null,
        tool_calls: [{ index: 0, function: { arguments: '{"city":"Oslo"}' } }],
      }),
      chunk({ content: null }),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'reads nothing after [DONE]',
    replies: sse(
      chunk({ content: 'Hello' }),
      chunk({ content: '' }, 'eos'),
      '[DONE]',
      chunk({ content: ' again' }),
      'data: {"truncated',
      '\n\n',
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'completes when the connection breaks after [DONE]',
    replies: broken(sse(chunk({ content: 'Hello' }), chunk({ content: '' }, 'eos'))),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'completes when the connection breaks after the finish',
    replies: broken(open(chunk({ content: 'Hello' }), chunk({ content: '' }, 'eos'))),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tries again after an HTML page under 503',
    replies: [
      body(503, '<html><head><title>503 Service Temporarily Unavailable</title></head></html>', {
        'content-type': 'text/html',
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again after an HTML page under 200',
    replies: [stream(['<!doctype html><html><body>Just a moment...</body></html>'], 'text/html'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries once after an HTML page under 403, and shows no HTML',
    replies: body(403, '<html><body><h1>403 Forbidden</h1></body></html>', {
      'content-type': 'text/html',
    }),
    expect: { status: 'failed', error: /^[^<]*$/, requests: 1 },
  },
];
