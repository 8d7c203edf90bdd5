import type { Row } from '../row.ts';
import { body, chunksOf, open, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    id: 'chat-2267',
    object: 'chat.completion.chunk',
    created: 1_733_162_241,
    model: 'meta/llama-3.1-8b-instruct',
  },
  { logprobs: null },
);
const problem = (code: number, title: string, detail: string) =>
  body(
    code,
    {
      type: `urn:kaizen:problem-details:${title.toLowerCase().replace(' ', '-')}`,
      title,
      status: code,
      detail,
      instance: '/v2/nvcf',
      requestId: '1',
    },
    { 'content-type': 'application/problem+json' },
  );

export const nim: Row[] = [
  {
    name: 'a call ends with its finish and usage in one chunk',
    source: 'vercel/ai#3953',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant', content: null }),
      chunk({ tool_calls: [tool({ index: 0, id: 'chatcmpl-tool-a0', name: 'get_weather' })] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '}' } }] }, 'tool_calls', {
        usage: { prompt_tokens: 226, completion_tokens: 20, total_tokens: 246 },
      }),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'a field that a list of details refuses is left out from then on',
    source: 'rowboatlabs/rowboat#724',
    tools: [WEATHER],
    run: { parallel_tool_calls: false },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'parallel_tool_calls' in sent,
      body(422, {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'parallel_tool_calls'],
            msg: 'Extra inputs are not permitted',
            input: false,
          },
        ],
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'a list of details about the messages is the reason, tried once',
    source: 'rowboatlabs/rowboat#724',
    replies: body(422, {
      detail: [
        {
          type: 'string_too_long',
          loc: ['body', 'messages', 0, 'content'],
          msg: 'String should have at most 32000 characters',
        },
      ],
    }),
    expect: { status: 'failed', code: 'invalid_prompt', error: /at most 32000/, requests: 1 },
  },
  {
    name: 'a page that is not found is asked for once',
    replies: body(404, '404 page not found', { 'content-type': 'text/plain' }),
    expect: { status: 'failed', error: /not found|404/, requests: 1 },
  },
  {
    name: 'credits that expired are asked for once',
    source: 'docs',
    replies: problem(402, 'Payment Required', "Account 'a': Cloud credits expired - Please contact NVIDIA representatives"),
    expect: { status: 'failed', error: /credits expired/, requests: 1 },
  },
  {
    name: 'a problem of the server is tried again',
    replies: [problem(500, 'Internal Server', 'Inference connection error while making inference request'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'a worker that is full says so within the stream, and is tried again',
    source: 'diegosouzapw/OmniRoute#8210',
    replies: [
      open({
        error: {
          message: 'Worker local total request limit reached (33/32)',
          type: 'service_unavailable',
          code: 503,
        },
        choices: [],
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
];
