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
    name: 'reads two calls whose index is 0 as two calls',
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
    name: 'tells calls without an index apart by their ids',
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
    name: 'makes both of two calls that differ only in their ids',
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
    name: 'reads two calls without an index in one chunk',
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
    name: 'does not show reasoning',
    replies: sse(
      chunk({ role: 'assistant', content: '', reasoning: 'The user ' }),
      chunk({ role: 'assistant', content: '', reasoning: 'greets me.' }),
      say('Hello'),
      chunk({ role: 'assistant', content: '' }, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tells the reason of an error that is a text, and tries once',
    source: 'ollama/ollama#9905',
    replies: body(404, { error: "model 'tiny' not found, try pulling it first" }),
    expect: { status: 'failed', error: /try pulling it first/, requests: 1 },
  },
  {
    name: 'fails the run at once when the model does not support tools',
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
    name: 'tries again after an error outside of any event',
    source: 'ollama/ollama server code',
    replies: [open(say('Half'), `${JSON.stringify(failure('an error was encountered while running the model'))}\n`), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries again after an error event whose error is a text',
    replies: [open(say('Half'), { error: 'llama runner process has terminated: exit status 2' }), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'counts the usage of a chunk without choices',
    replies: sse(say('Hello'), chunk({ role: 'assistant', content: '' }, 'stop'), {
      ...chunk({}),
      choices: [],
      usage: { prompt_tokens: 31, completion_tokens: 2, total_tokens: 33 },
    }),
    expect: { text: 'Hello', usage: [31, 2], requests: 1 },
  },
  {
    name: 'keeps a call from the client when tool_choice is none, and asks the model to go on',
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
    name: 'tells the model that code_interpreter expects code, when it has none',
    tools: [CODE],
    replies: sse(
      called(tool({ id: 'call_a1', index: 0, name: 'code_interpreter', args: '{}' })),
      chunk({ role: 'assistant', content: '' }, 'tool_calls'),
    ),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
];
