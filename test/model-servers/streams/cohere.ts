import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, refusing, sse, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  id: '5c2e',
  object: 'chat.completion.chunk',
  created: 1_745_000_000,
  model: 'command-a',
});

export const cohere: Row[] = [
  {
    name: 'completes at the finish COMPLETE',
    replies: sse(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hello' }), chunk({}, 'COMPLETE')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'ends incomplete at the finish MAX_TOKENS',
    replies: sse(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Half' }), chunk({}, 'MAX_TOKENS')),
    expect: { status: 'incomplete', cut: 'Half', requests: 1 },
  },
  {
    name: 'does not take the finish ERROR for success',
    replies: sse(chunk({ role: 'assistant', content: '' }), chunk({ content: 'Half' }), chunk({}, 'ERROR')),
    expect: { status: 'failed', cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'does not show tool_plan',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant', tool_plan: 'I will look up' }),
      chunk({ tool_plan: ' the weather.' }),
      chunk({
        tool_calls: [tool({ index: 0, id: 'get_weather_k3', name: 'get_weather', args: '' })],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":"Oslo"}' } }] }),
      chunk({}, 'TOOL_CALL'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tells a reason without an error object',
    source: 'docs',
    replies: body(400, {
      id: '5c2e',
      message: 'invalid request: all elements in tools must have a name.',
    }),
    expect: { status: 'failed', code: 'invalid_prompt', error: /must have a name/, requests: 1 },
  },
  {
    name: 'renames max_completion_tokens once it is not a valid field',
    run: { max_completion_tokens: 300 },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'max_completion_tokens' in sent,
      body(422, {
        id: '5c2e',
        message: 'unknown field: parameter "max_completion_tokens" is not a valid field',
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
];
