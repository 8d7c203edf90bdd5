import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, sse, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({ id: '20251008', created: 1_759_900_000, model: 'glm-4.6' });
const say = (content: string) => chunk({ role: 'assistant', content });
const failure = (code: number, number: string, message: string, more: object = {}) =>
  body(code, { error: { code: number, message }, ...more });

export const zhipu: Row[] = [
  {
    name: 'reads a whole call beside its finish and usage',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant', reasoning_content: 'The weather.' }),
      chunk(
        { role: 'assistant', tool_calls: [tool({ id: 'call_-8', index: 0, name: 'get_weather', args: '{"city": "Oslo"}' })] },
        'tool_calls',
        {
          usage: { prompt_tokens: 150, completion_tokens: 20, total_tokens: 170, prompt_tokens_details: { cached_tokens: 43 } },
        },
      ),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'fails the run at once at the finish sensitive',
    source: 'langgenius/dify#7559',
    replies: sse(say('Take a'), chunk({ role: 'assistant', content: '' }, 'sensitive')),
    expect: { status: 'failed', cut: 'Take a', requests: 1 },
  },
  {
    name: 'does not take network_error for success',
    source: 'promptfoo/promptfoo#9905',
    replies: sse(say('Half'), chunk({ role: 'assistant', content: '' }, 'network_error')),
    expect: { status: 'failed', cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'ends incomplete at the finish model_context_window_exceeded',
    source: 'mozilla-ai/any-llm#1204',
    replies: sse(say('Half'), chunk({ role: 'assistant', content: '' }, 'model_context_window_exceeded')),
    expect: { status: 'incomplete', cut: 'Half', requests: 1 },
  },
  {
    name: 'tries once when a 429 says that the balance is empty',
    source: 'zai-org/GLM-5#148',
    replies: failure(429, '1113', 'Insufficient balance or no resource package. Please recharge.'),
    expect: { status: 'failed', code: 'rate_limit_exceeded', requests: 1 },
  },
  {
    name: 'tries once when the prompt is unsafe',
    replies: failure(400, '1301', 'System detected potentially unsafe or sensitive content in input.', {
      contentFilter: [{ level: 1, role: 'user' }],
    }),
    expect: { status: 'failed', code: 'invalid_prompt', error: /unsafe/, requests: 1 },
  },
];
