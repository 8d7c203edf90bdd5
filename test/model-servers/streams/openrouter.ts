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
    name: 'comments between the events are no content',
    source: 'docs',
    replies: sse(COMMENT, COMMENT, say('Hel'), COMMENT, say('lo'), end, {
      ...chunk({ role: 'assistant', content: '' }),
      usage,
    }),
    expect: { text: 'Hello', usage: [14, 3], requests: 1 },
  },
  {
    name: 'reasoning and its details are not shown',
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
    name: 'an error of a provider in the middle of the answer is tried again',
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
    name: 'an error of the request that comes in the stream is tried once',
    source: 'dcdpr/jp#978',
    replies: sse(COMMENT, {
      id: 'gen-1758',
      choices: [],
      error: { code: 400, message: 'messages.0.content: image exceeds 5 MB maximum' },
    }),
    expect: { status: 'failed', error: /exceeds 5 MB/, requests: 1 },
  },
  {
    name: 'an error within the choice is the same error',
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
    name: 'missing credits are asked for once',
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
    name: 'a model without any endpoint for tools is asked once',
    source: 'docs',
    tools: [WEATHER],
    replies: body(404, {
      error: { message: 'No endpoints found that support tool use.', code: 404 },
    }),
    expect: { status: 'failed', error: /support tool use/, requests: 1 },
  },
  {
    name: 'an error under the status 200 is tried again when its code says so',
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
    name: 'the finish error without an error is no success',
    replies: sse(say('Half'), chunk({ role: 'assistant', content: '' }, 'error', { usage })),
    expect: { status: 'failed', cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'signed details of the reasoning go back as they came',
    source: 'jeremychone/rust-genai#298',
    tools: [WEATHER],
    replies: (sent) => {
      if (afterTools(sent))
        return details(sent).some((detail) => isDeepStrictEqual(detail, SIGNED))
          ? text(DONE)
          : body(400, { error: { message: 'Corrupted thought signature.', code: 400 } });
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
    name: 'usage of a try that failed is counted',
    source: 'BerriAI/litellm#15329',
    replies: [
      open(say('Half'), { ...chunk({}), choices: [], usage }, failing({ code: 502, message: 'Provider disconnected' })),
      sse(say('Whole.'), end, { ...chunk({}), choices: [], usage }),
    ],
    expect: { text: 'Whole.', usage: [28, 6], requests: 2 },
  },
  {
    name: 'a comment before the connection breaks is no answer',
    replies: [broken(open(COMMENT, COMMENT)), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'a model that calls what is not there without an end is stopped',
    tools: [WEATHER],
    replies: () => calls(tool({ index: 0, id: 'tool_0', name: 'web_search', args: '{"query":"Oslo"}' })),
    expect: { status: ['failed', 'incomplete'], requests: [2, 12] },
  },
  {
    name: 'comments that a gateway has made events of are no chunks',
    source: 'mnfst/llm-gateway#2053',
    replies: sse('data: : OPENROUTER PROCESSING\n\n', 'data: : OPENROUTER PROCESSING\n\n', say('Hello'), end),
    expect: { text: 'Hello', requests: 1 },
  },
];

const details = ({ messages }: Sent): unknown[] =>
  messages.flatMap((message) => (message['reasoning_details'] as unknown[] | undefined) ?? []);
