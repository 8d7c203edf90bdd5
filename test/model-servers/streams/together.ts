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
    name: 'the finish eos is an end, and the text beside the delta is the same text',
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
    name: 'an empty list of calls is no call',
    tools: [WEATHER],
    replies: sse(chunk({ content: 'Hello' }), chunk({ content: '' }, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a call between empty lists is a call',
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
    name: 'what follows [DONE] is not read',
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
    name: 'a connection that breaks after [DONE] was whole',
    replies: broken(sse(chunk({ content: 'Hello' }), chunk({ content: '' }, 'eos'))),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a connection that breaks after the finish was whole',
    replies: broken(open(chunk({ content: 'Hello' }), chunk({ content: '' }, 'eos'))),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a page of the proxy under 503 is tried again',
    replies: [
      body(503, '<html><head><title>503 Service Temporarily Unavailable</title></head></html>', {
        'content-type': 'text/html',
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'a page of the proxy under 200 is no answer',
    replies: [stream(['<!doctype html><html><body>Just a moment...</body></html>'], 'text/html'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'a page of the proxy under 403 is tried once, and no page is shown',
    replies: body(403, '<html><body><h1>403 Forbidden</h1></body></html>', {
      'content-type': 'text/html',
    }),
    expect: { status: 'failed', error: /^[^<]*$/, requests: 1 },
  },
];
