import type { Row } from '../row.ts';
import { body, calls, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const chunk = (delta: object, more: object = {}) => ({
  id: 'id-1733737971956',
  object: 'chat.completion.chunk',
  created: 1_733_737_971,
  model: '@cf/meta/llama-3.1-8b-instruct-fast',
  choices: [{ delta, ...more }],
});
const failure = (code: number, number: number, message: string) =>
  body(code, { errors: [{ message, code: number }], success: false, result: {}, messages: [] });

export const cloudflare: Row[] = [
  {
    name: 'reads choices without an index, and completes without a finish',
    source: 'vercel/ai#4031',
    replies: sse(chunk({ content: 'Hel' }), chunk({ content: 'lo' }), {
      ...chunk({}),
      choices: [],
      response: null,
      usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
    }),
    expect: { text: 'Hello', usage: [7, 2], requests: 1 },
  },
  {
    name: 'reads a call with an object and without an id',
    tools: [WEATHER],
    replies: sse(
      chunk({ content: null, tool_calls: [tool({ name: 'get_weather', args: { city: 'Oslo' } })] }),
      chunk({}, { finish_reason: 'stop' }),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'sends an empty content once null is refused',
    source: 'we-promise/sure#467',
    tools: [WEATHER],
    emptyContent: true,
    replies: refusing(
      ({ messages }) => messages.some(({ content }) => typeof content !== 'string'),
      failure(
        400,
        5006,
        "AiError: Bad input: Error: oneOf at '/' not met, 0 matches: Type mismatch of '/messages/2/content', 'null' not in 'string'",
      ),
      calls(tool({ index: 0, id: 'chatcmpl-tool-1', name: 'get_weather', args: '{"city":"Oslo"}' })),
    ),
    expect: { calls: [OSLO], requests: 3 },
  },
  {
    name: 'tells a list of errors, and tries once',
    replies: failure(400, 5007, 'No such model @cf/meta/llama-9 or task'),
    expect: { status: 'failed', error: /No such model/, requests: 1 },
  },
  {
    name: 'tries again after a list of errors under the status 200',
    replies: [failure(200, 3040, 'Capacity temporarily exceeded, please try again.'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again after a 524 of plain text',
    replies: [body(524, 'error code: 524', { 'content-type': 'text/plain' }), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
];
