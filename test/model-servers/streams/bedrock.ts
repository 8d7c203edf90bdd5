import type { Row } from '../row.ts';
import { refusing, body, chunksOf, open, OSLO, ROME, sse, text, tool, WEATHER } from '../row.ts';

const wrap = chunksOf(
  {
    id: 'chatcmpl-1f',
    object: 'chat.completion.chunk',
    created: 1_714_780_000,
    model: 'anthropic.claude-3',
    system_fingerprint: 'fp',
  },
  { logprobs: null },
);
const chunk = (delta: object, finish: string | null = null) =>
  wrap({ name: null, role: 'assistant', content: null, tool_calls: null, ...delta }, finish, {
    usage: null,
  });

export const bedrock: Row[] = [
  {
    name: 'completes at the finish end_turn, and counts the usage after it',
    source: 'aws-samples/bedrock-access-gateway#11',
    replies: sse(chunk({ content: '' }), chunk({ content: 'Hello' }), chunk({}, 'end_turn'), {
      ...wrap({}),
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    }),
    expect: { text: 'Hello', usage: [9, 3], requests: 1 },
  },
  {
    name: 'reads calls whose index is that of their block',
    tools: [WEATHER],
    replies: sse(
      chunk({ content: 'I will look.' }),
      chunk({ tool_calls: [tool({ index: 1, id: 'tooluse_a', name: 'get_weather', args: '' })] }),
      chunk({ tool_calls: [tool({ index: 1, id: null, name: null, args: '{"city": ' })] }),
      chunk({ tool_calls: [tool({ index: 1, id: null, name: null, args: '"Oslo"}' })] }),
      chunk({ tool_calls: [tool({ index: 2, id: 'tooluse_b', name: 'get_weather', args: '' })] }),
      chunk({ tool_calls: [tool({ index: 2, id: null, name: null, args: '{"city": "Rome"}' })] }),
      chunk({}, 'tool_calls'),
    ),
    expect: { text: 'I will look.', calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'fails the run at once at the finish guardrail_intervened',
    replies: sse(chunk({ content: 'Take a' }), chunk({}, 'guardrail_intervened')),
    expect: { status: 'failed', cut: 'Take a', requests: 1 },
  },
  {
    name: 'tries again after ThrottlingException',
    replies: [
      body(429, {
        detail: 'An error occurred (ThrottlingException) when calling the ConverseStream operation: Too many requests.',
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tells a detail that is a text',
    replies: body(400, {
      detail:
        'An error occurred (ValidationException) when calling the ConverseStream operation: The model ID is not supported in this region.',
    }),
    expect: {
      status: 'failed',
      code: 'invalid_prompt',
      error: /not supported in this region/,
      requests: 1,
    },
  },
  {
    name: 'tries again after modelStreamErrorException',
    replies: [
      open(chunk({ content: 'Half' }), {
        error: { message: '(modelStreamErrorException) Model has timed out' },
      }),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'leaves out temperature or top_p once the model has refused both',
    source: 'aws-samples/bedrock-access-gateway#191',
    run: { temperature: 0.5, top_p: 0.9 },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'temperature' in sent && 'top_p' in sent,
      body(400, {
        detail:
          'An error occurred (ValidationException) when calling the ConverseStream operation: The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one.',
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
];
