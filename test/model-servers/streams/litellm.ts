import type { Row, Sent } from '../row.ts';
import {
  afterTools,
  asksNewest,
  body,
  chunksOf,
  DONE,
  GROWN,
  narrow,
  open,
  OSLO,
  refusing,
  ROME,
  sse,
  text,
  TIME,
  tool,
  WEATHER,
} from '../row.ts';

const wrap = chunksOf(
  {
    id: 'chatcmpl-ae15',
    created: 1_719_390_706,
    model: 'claude',
    object: 'chat.completion.chunk',
    system_fingerprint: null,
    citations: null,
  },
  { logprobs: null },
);
const chunk = (delta: object, finish: string | null = null) =>
  wrap(
    {
      provider_specific_fields: null,
      refusal: null,
      role: null,
      function_call: null,
      tool_calls: null,
      audio: null,
      ...delta,
    },
    finish,
  );
const role = chunk({ content: '', role: 'assistant' });
const called = (delta: object) => chunk({ content: '', tool_calls: [delta] });
const failure = (code: string, message: string) => ({
  error: { message, type: null, param: null, code },
});

export const liteLlm: Row[] = [
  {
    name: 'continues a call with an id and a name of null',
    source: 'enechange/collmbo#3',
    tools: [WEATHER],
    replies: sse(
      role,
      called(tool({ index: 0, id: 'toolu_01', name: 'get_weather', args: '' })),
      called(tool({ index: 0, id: null, name: null, args: '{"city"' })),
      called(tool({ index: 0, id: null, name: null, args: ': "Oslo"}' })),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'reads a call whose index counts the text before it',
    source: 'BerriAI/litellm#5025',
    tools: [WEATHER],
    replies: sse(
      role,
      chunk({ content: 'I will look.' }),
      called(tool({ index: 1, id: 'toolu_01', name: 'get_weather', args: '' })),
      called(tool({ index: 1, id: null, name: null, args: '{"city": "Oslo"}' })),
      called(tool({ index: 2, id: 'toolu_02', name: 'get_weather', args: '' })),
      called(tool({ index: 2, id: null, name: null, args: '{"city": "Rome"}' })),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { text: 'I will look.', calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'ends at a finish without [DONE]',
    source: 'BerriAI/litellm#1255',
    replies: open(role, chunk({ content: 'Hello' }), chunk({}, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tries again after an error before [DONE]',
    source: 'BerriAI/litellm#39748',
    replies: [
      sse(role, chunk({ content: 'Half' }), failure('500', 'litellm.APIConnectionError: the connection was closed')),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries once when the only event is an error with the code "400"',
    source: 'BerriAI/litellm#5175',
    replies: sse(failure('400', 'litellm.BadRequestError: GroqException - messages must not be empty')),
    expect: { status: 'failed', error: /messages must not be empty/, requests: 1 },
  },
  {
    name: 'leaves out parameters that the error names in a list',
    source: 'BerriAI/litellm#8980',
    tools: [TIME],
    run: { parallel_tool_calls: false },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'parallel_tool_calls' in sent,
      body(
        400,
        failure(
          '400',
          "litellm.UnsupportedParamsError: ollama does not support parameters: ['parallel_tool_calls'], for model=llama3. To drop these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`",
        ),
      ),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'shortens a long thread after ContextWindowExceededError',
    source: 'docs',
    turns: GROWN,
    replies: narrow(
      body(
        400,
        failure(
          '400',
          "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - This model's maximum context length is 4096 tokens. However, your messages resulted in 6050 tokens.",
        ),
      ),
    ),
    expect: { text: 'ok', requests: [2, 3], sent: asksNewest },
  },
  {
    name: 'sends the signature of thinking_blocks back with the calls',
    source: 'docs',
    tools: [WEATHER],
    replies: (sent) => {
      if (afterTools(sent)) {
        return signed(sent)
          ? text(DONE)
          : body(400, failure('400', 'litellm.BadRequestError: Expected `thinking` or `redacted_thinking`, but found `tool_use`.'));
      }
      return sse(
        chunk({
          role: 'assistant',
          content: '',
          reasoning_content: 'I need',
          thinking_blocks: [{ type: 'thinking', thinking: 'I need', signature: null }],
        }),
        chunk({
          content: '',
          reasoning_content: '',
          thinking_blocks: [{ type: 'thinking', thinking: '', signature: 'EqQBCg' }],
        }),
        called(tool({ index: 0, id: 'toolu_01', name: 'get_weather', args: '{"city": "Oslo"}' })),
        chunk({ content: '' }, 'tool_calls'),
      );
    },
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'sends provider_specific_fields back with their call',
    source: 'docs',
    tools: [WEATHER],
    replies: (sent) => {
      const [made] = sent.messages.flatMap(({ tool_calls = [] }) => tool_calls);
      if (made === undefined) {
        return sse(
          role,
          called(
            tool(
              { index: 0, id: 'call_f0', name: 'get_weather', args: '{"city": "Oslo"}' },
              { provider_specific_fields: { thought_signature: 'EjQKMg==' } },
            ),
          ),
          chunk({ content: '' }, 'tool_calls'),
        );
      }
      return JSON.stringify(made['provider_specific_fields'] ?? '').includes('EjQKMg==')
        ? text(DONE)
        : body(400, failure('400', 'litellm.BadRequestError: VertexAIException - missing a thought_signature'));
    },
    expect: { calls: [OSLO], requests: 2 },
  },
];

const signed = ({ messages }: Sent): boolean =>
  messages.some(({ thinking_blocks: blocks }) => JSON.stringify(blocks ?? '').includes('EqQBCg'));
