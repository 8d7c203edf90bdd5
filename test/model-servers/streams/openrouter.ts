import { isDeepStrictEqual } from 'node:util';

import type { Row, Sent } from '../row.ts';
import { afterTools, body, broken, calls, chunksOf, DONE, open, OSLO, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    id: 'gen-1758',
    provider: 'Google',
    model: 'google/gemini-3-pro',
    object: 'chat.completion.chunk',
    created: 1_758_000_000,
  },
  { logprobs: null },
);
const say = (content: string) => chunk({ role: 'assistant', content, reasoning: null });
const end = { ...chunk({ role: 'assistant', content: '' }, 'stop') };
const usage = {
  prompt_tokens: 14,
  completion_tokens: 3,
  total_tokens: 17,
  cost: 0.000_02,
  is_byok: false,
};
const COMMENT = ': OPENROUTER PROCESSING\n\n';
const failing = (error: object) => ({
  id: 'gen-1758',
  object: 'chat.completion.chunk',
  created: 1_758_000_000,
  model: 'google/gemini-3-pro',
  provider: 'Google',
  error,
  choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error', native_finish_reason: 'error' }],
});
const SIGNED = {
  type: 'reasoning.encrypted',
  data: 'CiQBAQ==',
  id: 'rd_1',
  format: 'google-gemini-v1',
  index: 0,
};

export const openRouter: Row[] = [
  {
    name: 'skips comments between events',
    source: 'docs',
    replies: sse(COMMENT, COMMENT, say('Hel'), COMMENT, say('lo'), end, {
      ...chunk({ role: 'assistant', content: '' }),
      usage,
    }),
    expect: { text: 'Hello', usage: [14, 3], requests: 1 },
  },
  {
    name: 'does not show reasoning and reasoning_details',
    replies: sse(
      chunk({
        role: 'assistant',
        content: '',
        reasoning: 'Hmm',
        reasoning_details: [{ type: 'reasoning.text', text: 'Hmm', index: 0 }],
      }),
      say('Hello'),
      end,
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tries again after an error of the provider in the middle of a stream',
    source: 'diegosouzapw/OmniRoute#8210',
    replies: [
      open(
        say('Half'),
        failing({
          code: 502,
          message: 'Provider disconnected unexpectedly',
          metadata: { error_type: 'provider_unavailable' },
        }),
      ),
      text('Whole.'),
    ],
    expect: { text: 'Whole.', requests: 2 },
  },
  {
    name: 'tries once when an error in the stream has the code 400',
    source: 'dcdpr/jp#978',
    replies: sse(COMMENT, {
      id: 'gen-1758',
      choices: [],
      error: { code: 400, message: 'messages.0.content: image exceeds 5 MB maximum' },
    }),
    expect: { status: 'failed', error: /exceeds 5 MB/, requests: 1 },
  },
  {
    name: 'tries once when the error is within the choice',
    source: 'genkit-ai/genkit#6079',
    replies: sse({
      ...chunk({}),
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: '' },
          finish_reason: 'error',
          error: { code: 403, message: 'Your input was flagged' },
        },
      ],
    }),
    expect: { status: 'failed', error: /flagged|refused|key/, requests: 1 },
  },
  {
    name: 'tries once when credits are missing',
    source: 'docs',
    replies: body(402, {
      error: {
        message: 'Insufficient credits. Add more using https://openrouter.ai/credits',
        code: 402,
      },
    }),
    expect: { status: 'failed', error: /credits/i, requests: 1 },
  },
  {
    name: 'tries once when no endpoint supports tools',
    source: 'docs',
    tools: [WEATHER],
    replies: body(404, {
      error: { message: 'No endpoints found that support tool use.', code: 404 },
    }),
    expect: { status: 'failed', error: /support tool use/, requests: 1 },
  },
  {
    name: 'tries again after a 200 whose body is an error with the code 429',
    replies: [
      body(200, {
        error: {
          message: 'Provider returned error',
          code: 429,
          metadata: { raw: 'rate-limited upstream', provider_name: 'Chutes' },
        },
        user_id: 'u',
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'does not take the finish error for success',
    replies: sse(say('Half'), chunk({ role: 'assistant', content: '' }, 'error', { usage })),
    expect: { status: 'failed', cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'sends reasoning_details back as they came',
    source: 'jeremychone/rust-genai#298',
    tools: [WEATHER],
    replies: (sent) => {
      if (afterTools(sent)) {
        return details(sent).some((detail) => isDeepStrictEqual(detail, SIGNED))
          ? text(DONE)
          : body(400, { error: { message: 'Corrupted thought signature.', code: 400 } });
      }
      return sse(
        chunk({ role: 'assistant', content: '', reasoning: null, reasoning_details: [SIGNED] }),
        chunk({
          role: 'assistant',
          content: null,
          tool_calls: [
            tool({
              index: 0,
              id: 'tool_0_get_weather',
              name: 'get_weather',
              args: '{"city":"Oslo"}',
            }),
          ],
        }),
        chunk({ role: 'assistant', content: '' }, 'tool_calls'),
      );
    },
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'counts the usage of a try that failed',
    source: 'BerriAI/litellm#15329',
    replies: [
      open(say('Half'), { ...chunk({}), choices: [], usage }, failing({ code: 502, message: 'Provider disconnected' })),
      sse(say('Whole.'), end, { ...chunk({}), choices: [], usage }),
    ],
    expect: { text: 'Whole.', usage: [28, 6], requests: 2 },
  },
  {
    name: 'tries again when the connection breaks after comments',
    replies: [broken(open(COMMENT, COMMENT)), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'stops a model that goes on calling a tool that does not exist',
    tools: [WEATHER],
    replies: () => calls(tool({ index: 0, id: 'tool_0', name: 'web_search', args: '{"query":"Oslo"}' })),
    expect: { status: ['failed', 'incomplete'], requests: [2, 12] },
  },
  {
    name: 'skips comments that a gateway has turned into events',
    source: 'mnfst/llm-gateway#2053',
    replies: sse('data: : OPENROUTER PROCESSING\n\n', 'data: : OPENROUTER PROCESSING\n\n', say('Hello'), end),
    expect: { text: 'Hello', requests: 1 },
  },
];

const details = ({ messages }: Sent): unknown[] =>
  messages.flatMap((message) => (message['reasoning_details'] as unknown[] | undefined) ?? []);
