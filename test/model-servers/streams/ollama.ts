import type { Row } from '../row.ts';
import { body, chunksOf, CODE, namesCode, open, OSLO, ROME, sse, text, TIME, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  id: 'chatcmpl-561',
  object: 'chat.completion.chunk',
  created: 1_733_000_000,
  model: 'qwen2.5:7b',
  system_fingerprint: 'fp_ollama',
});
const say = (content: string) => chunk({ role: 'assistant', content });
const called = (...list: object[]) => chunk({ role: 'assistant', content: '', tool_calls: list });
const failure = (message: string) => ({
  error: { message, type: 'api_error', param: null, code: null },
});

export const ollama: Row[] = [
  {
    name: 'two calls that both have the index 0 are two calls',
    source: 'ollama/ollama#15457',
    tools: [WEATHER],
    replies: sse(
      called(tool({ id: 'call_a1', index: 0, name: 'get_weather', args: '{"city":"Oslo"}' })),
      called(tool({ id: 'call_b2', index: 0, name: 'get_weather', args: '{"city":"Rome"}' })),
      chunk({ role: 'assistant', content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'calls without any index are told apart by their ids',
    source: 'ollama/ollama#7881',
    tools: [WEATHER],
    replies: sse(
      called(tool({ id: 'call_a1', name: 'get_weather', args: '{"city":"Oslo"}' })),
      called(tool({ id: 'call_b2', name: 'get_weather', args: '{"city":"Rome"}' })),
      chunk({ role: 'assistant', content: '' }, 'stop'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'two calls that are equal but for their ids are both made',
    source: 'run-llama/llama_index#22464',
    tools: [TIME],
    replies: sse(
      called(tool({ id: 'call_a1', index: 0, name: 'get_time', args: '{}' })),
      called(tool({ id: 'call_b2', index: 0, name: 'get_time', args: '{}' })),
      chunk({ role: 'assistant', content: '' }, 'tool_calls'),
    ),
    expect: {
      calls: [
        ['get_time', '{}'],
        ['get_time', '{}'],
      ],
      requests: 2,
    },
  },
  {
    name: 'one chunk may hold two calls without an index',
    source: 'ollama/ollama#7881',
    tools: [WEATHER],
    replies: sse(
      called(
        tool({ id: 'call_a1', name: 'get_weather', args: '{"city":"Oslo"}' }),
        tool({ id: 'call_b2', name: 'get_weather', args: '{"city":"Rome"}' }),
      ),
      chunk({ role: 'assistant', content: '' }, 'stop'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'reasoning beside the content is not shown',
    replies: sse(
      chunk({ role: 'assistant', content: '', reasoning: 'The user ' }),
      chunk({ role: 'assistant', content: '', reasoning: 'greets me.' }),
      say('Hello'),
      chunk({ role: 'assistant', content: '' }, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'an error that is only a text has its reason kept, and a missing model is asked for once',
    source: 'ollama/ollama#9905',
    replies: body(404, { error: "model 'tiny' not found, try pulling it first" }),
    expect: { status: 'failed', error: /try pulling it first/, requests: 1 },
  },
  {
    name: 'a model that cannot call tools fails once, with the reason',
    source: 'ollama/ollama#14795',
    tools: [WEATHER],
    replies: body(400, failure('registry.ollama.ai/library/gemma3:4b does not support tools')),
    expect: {
      status: 'failed',
      code: 'invalid_prompt',
      error: /does not support tools/,
      requests: 1,
    },
  },
  {
    name: 'an error that ends the stream outside of any event is a cut, and is tried again',
    source: 'ollama/ollama server code',
    replies: [open(say('Half'), `${JSON.stringify(failure('an error was encountered while running the model'))}\n`), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'an error event in the middle of the answer is tried again',
    replies: [open(say('Half'), { error: 'llama runner process has terminated: exit status 2' }), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'usage follows the finish in a chunk without choices',
    replies: sse(say('Hello'), chunk({ role: 'assistant', content: '' }, 'stop'), {
      ...chunk({}),
      choices: [],
      usage: { prompt_tokens: 31, completion_tokens: 2, total_tokens: 33 },
    }),
    expect: { text: 'Hello', usage: [31, 2], requests: 1 },
  },
  {
    name: 'a call is kept from a client that said tool_choice none, and the model goes on',
    source: 'ggml-org/llama.cpp#13700',
    tools: [WEATHER],
    run: { tool_choice: 'none' },
    replies: [
      sse(
        called(tool({ id: 'call_a1', index: 0, name: 'get_weather', args: '{"city":"Oslo"}' })),
        chunk({ role: 'assistant', content: '' }, 'tool_calls'),
      ),
      text('Without tools then.'),
    ],
    expect: { text: 'Without tools then.', requests: 2 },
  },
  {
    name: 'code_interpreter without its code is not run: the model hears what is expected',
    tools: [CODE],
    replies: sse(
      called(tool({ id: 'call_a1', index: 0, name: 'code_interpreter', args: '{}' })),
      chunk({ role: 'assistant', content: '' }, 'tool_calls'),
    ),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
];
