import type { Row } from '../row.ts';
import { asksNewest, body, calls, chunksOf, GROWN, narrow, open, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    object: 'chat.completion.chunk',
    id: '',
    created: 1_730_000_000,
    model: 'tgi',
    system_fingerprint: '3.0.1-native',
    usage: null,
  },
  { logprobs: null },
);
const say = (content: string) => chunk({ role: 'assistant', content });
const failure = (code: number, error: string, error_type: string) => body(code, { error, error_type });

export const tgi: Row[] = [
  {
    name: 'completes at the finish eos_token',
    source: 'huggingface/text-generation-inference#2344',
    replies: sse(say('Hel'), say('lo'), chunk({ role: 'assistant', content: '' }, 'eos_token')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads a call that is not in a list and whose id is a number',
    source: 'huggingface/text-generation-inference#2949',
    tools: [WEATHER],
    replies: sse(
      chunk({
        role: 'assistant',
        tool_calls: tool({ index: 0, id: 0, name: 'get_weather', args: '{"city":' }),
      }),
      chunk({
        role: 'assistant',
        tool_calls: tool({ index: 0, id: 0, name: 'get_weather', args: ' "Oslo"}' }),
      }),
      chunk({ role: 'assistant', content: '' }, 'eos_token'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'writes arguments that are an object as JSON',
    source: 'huggingface/text-generation-inference#2136',
    tools: [WEATHER],
    replies: sse(
      chunk({
        role: 'assistant',
        tool_calls: [
          {
            index: 0,
            id: '0',
            type: 'function',
            function: { description: null, name: 'get_weather', arguments: { city: 'Oslo' } },
          },
        ],
      }),
      chunk({ role: 'assistant', content: '' }, 'stop'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'joins a name that comes in pieces',
    tools: [WEATHER],
    replies: calls(
      tool({ index: 0, id: '0', name: 'get_', args: '' }),
      tool({ index: 0, name: 'weather', args: '' }),
      tool({ index: 0, args: '{"city":"Oslo"}' }),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tries again after an overload within the stream',
    source: 'huggingface/text-generation-inference#2668',
    replies: [open(say('Half'), { error: 'Model is overloaded', error_type: 'overloaded' }), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries once when the validation fails within the stream',
    source: 'huggingface/huggingface_hub#2558',
    replies: open({
      error: 'Input validation error: `temperature` must be strictly positive',
      error_type: 'validation',
    }),
    expect: { status: 'failed', error: /strictly positive/, requests: 1 },
  },
  {
    name: 'tries again after an overload',
    replies: [failure(429, 'Model is overloaded', 'overloaded'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'shortens a long thread after an error that names the window',
    source: 'huggingface/huggingface_hub#2514',
    turns: GROWN,
    replies: narrow(
      failure(
        422,
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 6050 `inputs` tokens and 100 `max_new_tokens`',
        'validation',
      ),
    ),
    expect: { text: 'ok', requests: [2, 3], sent: asksNewest },
  },
  {
    name: 'sends an empty content once a missing one is refused',
    source: 'pydantic/pydantic-ai#393',
    tools: [WEATHER],
    emptyContent: true,
    replies: refusing(
      ({ messages }) => messages.some(({ content }) => typeof content !== 'string'),
      body(422, 'Failed to deserialize the JSON body into the target type: messages[2]: missing field `content` at line 1 column 235', {
        'content-type': 'text/plain',
      }),
      calls(tool({ index: 0, id: '0', name: 'get_weather', args: '{"city":"Oslo"}' })),
    ),
    expect: { calls: [OSLO], requests: 3 },
  },
  {
    name: 'joins messages of one role once the template has refused them under the status 422',
    source: 'huggingface/text-generation-inference server code',
    turns: [
      ['one', 'two'],
      ['three', 'four'],
    ],
    replies: refusing(
      ({ messages }) => messages.some(({ role }, n) => role === 'user' && messages[n + 1]?.role === 'user'),
      failure(
        422,
        'Template error: invalid operation: Conversation roles must alternate user/assistant/user/assistant/... (in <string>:1)',
        'template_error',
      ),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
];
