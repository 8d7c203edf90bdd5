import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const wrap = chunksOf({
  id: '0a1b',
  object: 'chat.completion.chunk',
  created: 1_750_000_000,
  model: 'grok-4',
  system_fingerprint: 'fp_x',
});
const usage = (completion: number) => ({
  usage: {
    prompt_tokens: 20,
    completion_tokens: completion,
    total_tokens: 20 + completion,
    completion_tokens_details: { reasoning_tokens: 0 },
    num_sources_used: 0,
  },
});
const failure = (code: number, reason: string, error: string) => body(code, { code: reason, error });

export const xai: Row[] = [
  {
    name: 'counts usage that grows with each chunk once',
    replies: sse(
      wrap({ role: 'assistant', reasoning_content: 'Greet.' }, null, usage(1)),
      wrap({ content: 'Hel' }, null, usage(2)),
      wrap({ content: 'lo' }, null, usage(3)),
      wrap({}, 'stop', usage(3)),
    ),
    expect: { text: 'Hello', usage: [20, 3], requests: 1 },
  },
  {
    name: 'reads a whole call beside text',
    tools: [WEATHER],
    replies: sse(
      wrap({
        role: 'assistant',
        content: 'I will look.',
        tool_calls: [tool({ id: 'call_38', name: 'get_weather', args: '{"city":"Oslo"}', index: 0 })],
      }),
      wrap({}, 'tool_calls', usage(30)),
    ),
    expect: { text: 'I will look.', calls: [OSLO], requests: 2 },
  },
  {
    name: 'leaves out a parameter that the error spells otherwise',
    source: 'docs',
    run: { reasoning_effort: 'low' },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'reasoning_effort' in sent,
      failure(400, 'Client specified an invalid argument', 'Model grok-4 does not support parameter reasoningEffort.'),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tells a reason that is beside its code, and tries once',
    source: 'docs',
    replies: failure(400, 'Client specified an invalid argument', "This model's tools are limited to 128 functions."),
    expect: { status: 'failed', code: 'invalid_prompt', error: /limited to 128/, requests: 1 },
  },
  {
    name: 'tries once when the team has no credits',
    source: 'docs',
    replies: failure(
      403,
      'The caller does not have permission to execute the specified operation',
      'Your newly created team has no credits yet.',
    ),
    expect: { status: 'failed', requests: 1 },
  },
  {
    name: 'tries again when the server is at capacity',
    replies: [failure(429, 'Some resource has been exhausted', 'The service is at capacity.'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
];
