import type { Row } from '../row.ts';
import {
  refusing,
  afterTools,
  asksNewest,
  body,
  chunksOf,
  DONE,
  GROWN,
  narrow,
  open,
  OSLO,
  sse,
  stream,
  text,
  tool,
  WEATHER,
} from '../row.ts';

const chunk = chunksOf(
  {
    id: 'f1a2',
    object: 'chat.completion.chunk',
    created: 1_740_000_000,
    model: 'deepseek-reasoner',
    system_fingerprint: 'fp_ds',
  },
  { logprobs: null },
);
const role = chunk({ role: 'assistant', content: null, reasoning_content: '' });
const think = (reasoning_content: string) => chunk({ content: null, reasoning_content });
const ALIVE = ': keep-alive\n\n';

export const deepSeek: Row[] = [
  {
    name: 'skips keep-alives and thoughts before the answer',
    source: 'tmc/langchaingo#942',
    replies: sse(
      ALIVE,
      ALIVE,
      role,
      think('Hmm'),
      chunk({ content: 'Hello', reasoning_content: null }),
      chunk({ content: '', reasoning_content: null }, 'stop', {
        usage: {
          prompt_tokens: 11,
          completion_tokens: 7,
          total_tokens: 18,
          prompt_tokens_details: { cached_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 4 },
          prompt_cache_hit_tokens: 0,
          prompt_cache_miss_tokens: 11,
        },
      }),
    ),
    expect: { text: 'Hello', usage: [11, 7], requests: 1 },
  },
  {
    name: 'sends reasoning_content back with its calls',
    source: 'openai/openai-agents-js#791',
    tools: [WEATHER],
    replies: (sent) => {
      const bare = sent.messages.findIndex((message) => message.tool_calls && message['reasoning_content'] !== 'I need the weather');
      if (bare !== -1) {
        return body(400, {
          error: {
            message: `Missing \`reasoning_content\` field in the assistant message at message index ${bare}.`,
            type: 'invalid_request_error',
          },
        });
      }
      if (afterTools(sent)) return text(DONE);
      return sse(
        role,
        think('I need '),
        think('the weather'),
        chunk({ tool_calls: [tool({ index: 0, id: 'call_0_aa', name: 'get_weather', args: '' })] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"}' } }] }),
        chunk({ content: '', reasoning_content: null }, 'tool_calls'),
      );
    },
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'does not take insufficient_system_resource for success',
    source: 'docs',
    replies: sse(role, chunk({ content: 'Half' }), chunk({ content: '' }, 'insufficient_system_resource')),
    expect: { status: ['failed', 'incomplete'], cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'reads arguments that each chunk sends from their beginning',
    source: 'NousResearch/hermes-agent#35592',
    tools: [WEATHER],
    replies: sse(
      role,
      ...['{"ci', '{"city": "Os', '{"city": "Oslo"', '{"city": "Oslo"}'].map((args) =>
        chunk({ tool_calls: [tool({ index: 0, id: 'call_0_aa', name: 'get_weather', args })] }),
      ),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tries once when the balance is empty',
    source: 'docs',
    replies: body(402, {
      error: {
        message: 'Insufficient Balance',
        type: 'unknown_error',
        param: null,
        code: 'invalid_request_error',
      },
    }),
    expect: { status: 'failed', error: /balance/i, requests: 1 },
  },
  {
    name: 'reads a JSON completion after empty lines',
    source: 'docs',
    replies: body(
      200,
      `\n\n\n\n${JSON.stringify({ id: 'f1a2', object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }] })}`,
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'shortens a long thread after an error that names the window',
    turns: GROWN,
    replies: narrow(
      body(400, {
        error: {
          message:
            "This model's maximum context length is 4096 tokens. However, you requested 6050 tokens (6050 in the messages, 0 in the completion).",
          type: 'invalid_request_error',
          param: null,
          code: 'invalid_request_error',
        },
      }),
    ),
    expect: { text: 'ok', requests: [2, 3], sent: asksNewest },
  },
  {
    name: 'tries again when the stream ends while the model thinks',
    source: 'CommandCodeAI/command-code#785',
    replies: [open(role, think('I need')), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again when the stream ends within arguments',
    source: 'CommandCodeAI/command-code#785',
    tools: [WEATHER],
    replies: [
      open(
        role,
        chunk({
          tool_calls: [tool({ index: 0, id: 'call_0_aa', name: 'get_weather', args: '{"ci' })],
        }),
      ),
      sse(
        role,
        chunk({
          tool_calls: [tool({ index: 0, id: 'call_0_bb', name: 'get_weather', args: '{"city":"Oslo"}' })],
        }),
        chunk({}, 'tool_calls'),
      ),
    ],
    expect: { calls: [OSLO], requests: 3 },
  },
  {
    name: 'ends incomplete when thoughts alone are cut by their length',
    replies: sse(role, think('Hmm, let me'), chunk({ content: '', reasoning_content: null }, 'length')),
    expect: { status: 'incomplete', requests: 1 },
  },
  {
    name: 'tries again after an empty body',
    source: 'AmanCode22/deeperseeker#33',
    replies: [stream([]), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'leaves the model the choice when it refuses a named tool_choice',
    source: 'XiaomiMiMo/MiMo-Code#2068',
    tools: [WEATHER],
    run: { tool_choice: { type: 'function', function: { name: 'get_weather' } } },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => sent['tool_choice'] === 'required' || typeof sent['tool_choice'] === 'object',
      body(400, {
        error: {
          message: 'Thinking mode does not support this tool_choice',
          type: 'invalid_request_error',
          param: null,
          code: 'invalid_request_error',
        },
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: [3, 4] },
  },
  {
    name: 'reads arguments that each chunk sends from their beginning, token by token',
    source: 'NousResearch/hermes-agent#35592',
    tools: [WEATHER],
    replies: sse(
      role,
      ...['{"', '{"city', '{"city":', '{"city": "', '{"city": "Oslo', '{"city": "Oslo"}'].map((args) =>
        chunk({ tool_calls: [tool({ index: 0, id: 'call_0_aa', name: 'get_weather', args })] }),
      ),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'keeps nested objects that look like the beginning of their arguments',
    tools: [WEATHER],
    replies: sse(
      role,
      ...['{"city":', '{"city":', '"Oslo"', '}', '}'].map((args, n) =>
        chunk({
          tool_calls: [
            n === 0 ? tool({ index: 0, id: 'call_0_aa', name: 'get_weather', args }) : { index: 0, function: { arguments: args } },
          ],
        }),
      ),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [['get_weather', { city: { city: 'Oslo' } }]], requests: 2 },
  },
  {
    name: 'sends each turn of a loop its own reasoning_content back',
    tools: [WEATHER],
    replies: (sent) => {
      const turns = sent.messages.filter((message) => message.tool_calls);
      const wrong = turns.findIndex((message, n) => message['reasoning_content'] !== `Step ${n}`);
      if (wrong !== -1) {
        return body(400, { error: { message: `Missing \`reasoning_content\` field in turn ${wrong}.`, type: 'invalid_request_error' } });
      }
      if (turns.length === 2) return text(DONE);
      return sse(
        role,
        think('Step '),
        think(String(turns.length)),
        chunk(
          { tool_calls: [tool({ index: 0, id: `call_${turns.length}`, name: 'get_weather', args: '{"city": "Oslo"}' })] },
          'tool_calls',
        ),
      );
    },
    expect: { calls: [OSLO, OSLO], requests: 3 },
  },
];
