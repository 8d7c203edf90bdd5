/** Servers of which one or two habits are recorded. */
import type { Row } from '../row.ts';
import { TIME, calls, chunk, chunksOf, OSLO, ROME, sse, text, tool, WEATHER } from '../row.ts';

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
      name: 'reads choices whose index counts the tokens, and an error of null as none',
      source: 'microsoft/foundry-local#144',
      replies: sse(foundry('Hel', 0), foundry('lo', 1), foundry('', 2, 'stop')),
      expect: { text: 'Hello', requests: 1 },
    },
  ],
  Poolside: [
    {
      name: 'continues a call with another id and no name',
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
      name: 'continues a call whose id changes with each delta',
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
      name: 'takes the name once when each delta repeats it',
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
      name: 'continues the last call without an index and an id',
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
      name: 'reads an index that is a text',
      tools: [WEATHER],
      replies: calls(tool({ index: '0', id: 'call_1', name: 'get_weather', args: '{"city":' }), tool({ index: '0', args: '"Oslo"}' })),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'completes at the finish end',
      source: 'earendil-works/pi#2107',
      replies: sse(chunk({ content: 'Hello' }), chunk({}, 'end')),
      expect: { text: 'Hello', requests: 1 },
    },
    {
      name: 'keeps a call of an unknown tool from the client, beside one that it gets',
      tools: [WEATHER],
      replies: calls(
        tool({ index: 0, id: 'call_1', name: 'web_search', args: '{"query":"Oslo"}' }),
        tool({ index: 1, id: 'call_2', name: 'get_weather', args: '{"city":"Oslo"}' }),
      ),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'fails the run when the error has U+0000',
      source: 'aegra/aegra#370',
      replies: {
        status: 400,
        headers: { 'content-type': 'application/json' },
        parts: ['{"error":{"message":"invalid byte \\u0000 in messages[1]","type":"invalid_request_error"}}'],
      },
      expect: { status: 'failed', error: /invalid byte/, requests: 1 },
    },
    {
      name: 'fails the run when the error has half of a surrogate pair',
      replies: {
        status: 400,
        headers: { 'content-type': 'application/json' },
        parts: ['{"error":{"message":"invalid text \\ud83d in messages[1]"}}'],
      },
      expect: { status: 'failed', error: /invalid text/, requests: 1 },
    },
    {
      name: 'leaves U+0000 out of names and ids',
      tools: [WEATHER],
      replies: calls(tool({ index: 0, id: 'call_\u0000', name: 'get_weather\u0000', args: '{"city":"Oslo"}' })),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'tells the reason of an error within an error',
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
      name: 'tells the status when a 400 has no body',
      replies: { status: 400, headers: {}, parts: [] },
      expect: { status: 'failed', error: /400/, requests: 1 },
    },
    {
      name: 'skips a delta of null and an empty finish',
      source: 'songquanpeng/one-api',
      replies: sse(chunk(null, ''), chunk({ content: 'Hel' }, ''), chunk({ content: 'lo' }, ''), chunk(null, 'stop')),
      expect: { text: 'Hello', requests: 1 },
    },
    {
      name: 'counts usage that comes before the finish',
      replies: sse(
        chunk({ content: 'Hello' }),
        { ...chunk({}), choices: [], usage: { prompt_tokens: 6, completion_tokens: 2, total_tokens: 8 } },
        chunk({}, 'stop', { usage: null }),
      ),
      expect: { text: 'Hello', usage: [6, 2], requests: 1 },
    },
    {
      name: 'reads an answer whose usage is not numbers',
      source: 'BerriAI/litellm#1371',
      replies: sse(chunk({ content: 'Hello' }, null, { usage: {} }), chunk({}, 'stop', { usage: { prompt_tokens: 'many' } })),
      expect: { text: 'Hello', requests: 1 },
    },
    {
      name: 'reads a message in place of each delta',
      replies: sse(
        { ...chunk({}), choices: [{ index: 0, message: { role: 'assistant', content: 'Hel' }, finish_reason: null }] },
        { ...chunk({}), choices: [{ index: 0, message: { role: 'assistant', content: 'lo' }, finish_reason: null }] },
        { ...chunk({}), choices: [{ index: 0, message: {}, finish_reason: 'stop' }] },
      ),
      expect: { text: 'Hello', requests: 1 },
    },
    {
      name: 'reads a legacy function_call with an object',
      tools: [WEATHER],
      replies: sse(chunk({ function_call: { name: 'get_weather', arguments: { city: 'Oslo' } } }), chunk({}, 'stop')),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'skips a legacy function_call of null',
      replies: sse(chunk({ content: 'Hello', function_call: null }), chunk({ function_call: null }, 'stop')),
      expect: { text: 'Hello', requests: 1 },
    },
    {
      name: 'reads two calls without an id and an index in two chunks',
      tools: [WEATHER],
      replies: calls(tool({ name: 'get_weather', args: '{"city":"Oslo"}' }), tool({ name: 'get_weather', args: '{"city":"Rome"}' })),
      expect: { calls: [OSLO, ROME], requests: 2 },
    },
    {
      name: 'reads arguments that are JSON in a text',
      source: 'ggml-org/llama.cpp#20198',
      tools: [WEATHER],
      replies: calls(tool({ index: 0, id: 'call_1', name: 'get_weather', args: JSON.stringify('{"city":"Oslo"}') })),
      expect: { calls: [OSLO], requests: 2 },
    },
    {
      name: 'reads blank arguments as {}',
      tools: [TIME],
      replies: calls(tool({ index: 0, id: 'call_1', name: 'get_time', args: ' \n' })),
      expect: { calls: [['get_time', {}]], requests: 2 },
    },
    {
      name: 'does not take JSON that is not a completion for an answer',
      replies: [{ status: 200, headers: { 'content-type': 'application/json' }, parts: ['{"status":"ok"}'] }, text('Hello')],
      expect: { status: ['completed', 'failed'], requests: [1, 2] },
    },
    {
      name: 'tries again when a chunk is cut within its JSON',
      replies: [sse(chunk({ content: 'Half' }), 'data: {"id":"chatcmpl-1","choices":[{"delta":{"content":" an\n\n'), text('Whole.')],
      expect: { text: 'Whole.', requests: 2 },
    },
    {
      name: 'completes without a message when the model says nothing',
      replies: text(''),
      expect: { text: [], requests: 1 },
    },
  ],
};
