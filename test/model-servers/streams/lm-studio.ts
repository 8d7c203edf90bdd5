import type { Row } from '../row.ts';
import { asksNewest, body, chunksOf, GROWN, narrow, open, OSLO, refusing, ROME, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    id: 'chatcmpl-mg1',
    object: 'chat.completion.chunk',
    created: 1_746_700_000,
    model: 'qwen3-30b-a3b',
    system_fingerprint: 'qwen3-30b-a3b',
  },
  { logprobs: null },
);
const role = chunk({ role: 'assistant' });

export const lmStudio: Row[] = [
  {
    name: 'keeps the name when further deltas have an empty one',
    source: 'lmstudio-ai/lmstudio-bug-tracker#649',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({ tool_calls: [tool({ index: 0, id: '365174485', name: 'get_weather', args: '' })] }),
      chunk({ tool_calls: [tool({ index: 0, name: '', args: '{"city":' })] }),
      chunk({ tool_calls: [tool({ index: 0, name: '', args: '"Oslo"}' })] }),
      chunk({}, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tries again after an error event without a code',
    source: 'zendev-sh/goai#110',
    replies: [open(role, 'event: error\ndata: {"error":{"message":"Compute error."},"message":"Compute error."}\n\n'), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'shortens a long thread after an error that names the loaded length',
    source: 'docs',
    turns: GROWN,
    replies: narrow(
      body(400, {
        error:
          'Trying to keep the first 6050 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input',
      }),
    ),
    expect: { text: 'ok', requests: [2, 3], sent: asksNewest },
  },
  {
    name: 'keeps to loaded_context_length of GET /models',
    turns: GROWN,
    models: {
      object: 'list',
      data: [
        {
          id: 'qwen3-30b-a3b',
          object: 'model',
          owned_by: 'organization_owner',
          loaded_context_length: 4096,
          max_context_length: 131_072,
        },
      ],
    },
    replies: narrow(body(400, { error: 'too long' })),
    expect: { text: 'ok', requests: [1, 2], sent: asksNewest },
  },
  {
    name: 'replaces a named tool_choice once the server has refused it',
    source: 'lmstudio-ai/lmstudio-bug-tracker',
    tools: [WEATHER],
    run: { tool_choice: { type: 'function', function: { name: 'get_weather' } } },
    replies: refusing(
      (sent) => typeof sent['tool_choice'] === 'object',
      body(400, {
        error: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
      }),
      sse(
        role,
        chunk({
          tool_calls: [tool({ index: 0, id: '365174485', name: 'get_weather', args: '{"city":"Oslo"}' })],
        }),
        chunk({}, 'tool_calls'),
      ),
    ),
    expect: { calls: [OSLO], requests: 3 },
  },
  {
    name: 'strips a <think> block whose tags are split over chunks',
    replies: sse(
      role,
      chunk({ content: '<th' }),
      chunk({ content: 'ink>\nThe user greets' }),
      chunk({ content: ' me.\n</thi' }),
      chunk({ content: 'nk>\n\nHello' }),
      chunk({ content: ' you' }),
      chunk({}, 'stop'),
    ),
    expect: { text: 'Hello you', requests: 1 },
  },
  {
    name: 'does not take a comparison for a <think> tag',
    replies: sse(
      role,
      chunk({ content: 'If a <' }),
      chunk({ content: ' b, then <this' }),
      chunk({ content: '> holds.' }),
      chunk({}, 'stop'),
    ),
    expect: { text: 'If a < b, then <this> holds.', requests: 1 },
  },
  {
    name: 'keeps a <think> tag that comes later in the text',
    replies: sse(role, chunk({ content: 'Models write `<think>` first' }), chunk({ content: ' and `</think>` last.' }), chunk({}, 'stop')),
    expect: { text: 'Models write `<think>` first and `</think>` last.', requests: 1 },
  },
  {
    name: 'fails the run when a wrong path is answered with 200',
    source: 'OpenHands/OpenHands#419',
    replies: body(200, {
      error: 'Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway',
    }),
    expect: { status: 'failed', requests: [1, 5] },
  },
  {
    name: 'reads two whole calls in one chunk',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({
        tool_calls: [
          tool({ index: 0, id: '365174485', name: 'get_weather', args: '{"city":"Oslo"}' }),
          tool({ index: 1, id: '365174486', name: 'get_weather', args: '{"city":"Rome"}' }),
        ],
      }),
      chunk({}, 'tool_calls'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
];
