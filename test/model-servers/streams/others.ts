/** Servers of which one or two habits are recorded. */
import type { Row } from '../row.ts';
import { calls, chunk, chunksOf, OSLO, ROME, sse, text, tool, WEATHER } from '../row.ts';

const foundry = (content: string, index: number, finish: string | null = null) => {
  const message = {
    role: 'assistant',
    content,
    name: null,
    tool_call_id: null,
    function_call: null,
    tool_calls: [],
  };
  return {
    ...chunk({}),
    id: `chat.id.${index}`,
    model: null,
    choices: [
      {
        delta: message,
        message,
        index,
        finish_reason: finish,
        finish_details: null,
        logprobs: null,
      },
    ],
    IsDelta: false,
    Successful: true,
    error: null,
    HttpStatusCode: 0,
  };
};
const both = chunksOf({ id: 'p1', object: 'chat.completion.chunk', created: 1, model: 'point' });

export const others: Record<string, Row[]> = {
  'Foundry Local': [
    {
      name: 'an index that counts the tokens is no other choice, and an error of null no error',
      source: 'microsoft/foundry-local#144',
      replies: sse(foundry('Hel', 0), foundry('lo', 1), foundry('', 2, 'stop')),
      expect: { text: 'Hello', requests: 1 },
    },
  ],
  Poolside: [
    {
      name: 'another id without a name continues the call of its index',
      source: 'poolsideai/pool#9',
      tools: [WEATHER],
      replies: sse(
        both({ tool_calls: [tool({ index: 0, id: 'call_first', name: 'get_weather', args: '' })] }),
        both({
          tool_calls: [{ index: 0, id: 'call_second', function: { arguments: '{"city":' } }],
        }),
        both({ tool_calls: [{ index: 0, id: 'call_second', function: { arguments: '"Oslo"}' } }] }),
        both({}, 'tool_calls'),
      ),
      expect: { calls: [OSLO], requests: 2 },
    },
  ],
  'mlx-openai-server': [
    {
      name: 'an id of its own in each delta is not a call of its own',
      source: 'cubist38/mlx-openai-server#216',
      tools: [WEATHER],
      replies: calls(
        tool({ index: 0, id: 'call_1', name: 'get_weather', args: '' }),
        tool({ index: 0, id: 'call_2', args: '{"city":' }),
        tool({ index: 0, id: 'call_3', args: '"Oslo"}' }),
      ),
      expect: { calls: [OSLO], requests: 2 },
    },
  ],
  Gateways: [
    {
      name: 'the name with each delta is the name once',
      source: 'JetBrains/koog#2052',
      tools: [WEATHER],
      replies: calls(
        tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"ci' }),
        tool({ index: 0, id: 'call_1', name: 'get_weather', args: 'ty":' }),
        tool({ index: 0, id: 'call_1', name: 'get_weather', args: '"Oslo"}' }),
      ),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'no index and no id continue the last call',
      source: 'openai/codex#7517',
      tools: [WEATHER],
      replies: calls(
        tool({ id: 'call_1', name: 'get_weather', args: '' }),
        tool({ args: '{"city":' }),
        tool({ args: '"Oslo"}' }),
        tool({ id: 'call_2', name: 'get_weather', args: '' }),
        tool({ args: '{"city":"Rome"}' }),
      ),
      expect: { calls: [OSLO, ROME], requests: 2 },
    },
    {
      name: 'an index that is a text is an index',
      tools: [WEATHER],
      replies: calls(tool({ index: '0', id: 'call_1', name: 'get_weather', args: '{"city":' }), tool({ index: '0', args: '"Oslo"}' })),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'the finish end is an end',
      source: 'earendil-works/pi#2107',
      replies: sse(chunk({ content: 'Hello' }), chunk({}, 'end')),
      expect: { text: 'Hello', requests: 1 },
    },
    {
      name: 'a call of what is not there beside one that is reaches only the model',
      tools: [WEATHER],
      replies: calls(
        tool({ index: 0, id: 'call_1', name: 'web_search', args: '{"query":"Oslo"}' }),
        tool({ index: 1, id: 'call_2', name: 'get_weather', args: '{"city":"Oslo"}' }),
      ),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'U+0000 in an error does not keep the run from its end',
      source: 'aegra/aegra#370',
      replies: {
        status: 400,
        headers: { 'content-type': 'application/json' },
        parts: ['{"error":{"message":"invalid byte \\u0000 in messages[1]","type":"invalid_request_error"}}'],
      },
      expect: { status: 'failed', error: /invalid byte/, requests: 1 },
    },
    {
      name: 'half of a surrogate pair in an error does not either',
      replies: {
        status: 400,
        headers: { 'content-type': 'application/json' },
        parts: ['{"error":{"message":"invalid text \\ud83d in messages[1]"}}'],
      },
      expect: { status: 'failed', error: /invalid text/, requests: 1 },
    },
    {
      name: 'U+0000 in a name is no part of it',
      tools: [WEATHER],
      replies: calls(tool({ index: 0, id: 'call_\u0000', name: 'get_weather\u0000', args: '{"city":"Oslo"}' })),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'an error in an object of an error has its innermost reason told',
      replies: {
        status: 400,
        headers: {},
        parts: [
          JSON.stringify({
            error: {
              message: JSON.stringify({ error: { message: 'tools must be unique', code: 400 } }),
              code: 400,
            },
          }),
        ],
      },
      expect: { status: 'failed', error: /tools must be unique/, requests: 1 },
    },
    {
      name: 'an empty body under 400 has a reason, too',
      replies: { status: 400, headers: {}, parts: [] },
      expect: { status: 'failed', error: /400/, requests: 1 },
    },
    {
      name: 'an answer of nothing with an end is an answer of nothing, asked for once',
      replies: text(''),
      expect: { text: [], requests: 1 },
    },
  ],
};
