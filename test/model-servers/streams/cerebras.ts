import type { Row } from '../row.ts';
import { body, calls, chunksOf, CODE, namesCode, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  id: 'chatcmpl-c1',
  created: 1_740_000_000,
  model: 'gpt-oss-120b',
  system_fingerprint: 'fp_c',
  object: 'chat.completion.chunk',
});
const failure = (code: number, message: string, type: string, more: object) => body(code, { message, type, ...more });

export const cerebras: Row[] = [
  {
    name: 'skips time_info',
    replies: sse(
      chunk({ role: 'assistant' }),
      chunk({ reasoning: 'Greet.' }),
      chunk({ content: 'Hello' }),
      chunk({}, 'stop', {
        usage: { prompt_tokens: 70, completion_tokens: 9, total_tokens: 79 },
        time_info: { queue_time: 0.000_1, prompt_time: 0.003, total_time: 0.02 },
      }),
    ),
    expect: { text: 'Hello', usage: [70, 9], requests: 1 },
  },
  {
    name: 'tells the reason of an error without an envelope',
    source: 'docs',
    replies: failure(400, "Tool choice 'required' needs at least one tool.", 'invalid_request_error', {
      param: 'tool_choice',
      code: 'wrong_api_format',
    }),
    expect: { status: 'failed', code: 'invalid_prompt', error: /at least one tool/, requests: 1 },
  },
  {
    name: 'leaves out strict when the error names its path',
    tools: [{ ...WEATHER, function: { ...WEATHER.function, strict: true } }],
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => JSON.stringify(sent['tools']).includes('strict'),
      failure(400, "body.tools.0.function.strict: property 'body.tools.0.function.strict' is unsupported", 'invalid_request_error', {
        param: 'validation_error',
        code: 'wrong_api_format',
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tries again after token_quota_exceeded',
    source: 'docs',
    replies: [
      failure(429, 'Tokens per minute limit exceeded - too many tokens processed.', 'too_many_tokens_error', {
        param: 'quota',
        code: 'token_quota_exceeded',
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'reads a whole call in the chunk of the finish',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant' }),
      chunk(
        {
          tool_calls: [tool({ id: '4f1e', index: 0, name: 'get_weather', args: '{"city": "Oslo"}' })],
        },
        'tool_calls',
      ),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tells the model that code_interpreter expects a text, when it has null',
    tools: [CODE],
    replies: calls(tool({ index: 0, id: '4f1e', name: 'code_interpreter', args: '{"code": null}' })),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
  {
    name: 'leaves out reasoning_content once the server has refused it',
    source: 'docs',
    tools: [WEATHER],
    replies: refusing(
      ({ messages }) => messages.some((message) => 'reasoning_content' in message),
      failure(400, "property 'messages.2.assistant.reasoning_content' is unsupported", 'invalid_request_error', {
        param: 'validation_error',
        code: 'wrong_api_format',
      }),
      sse(
        chunk({ role: 'assistant', reasoning_content: 'I need the weather.' }),
        chunk({ tool_calls: [tool({ id: '4f1e', index: 0, name: 'get_weather', args: '{"city": "Oslo"}' })] }, 'tool_calls'),
      ),
    ),
    expect: { calls: [OSLO], requests: [2, 3] },
  },
];
